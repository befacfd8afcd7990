import {
  type AgentView,
  type Assignment,
  type Hello,
  idOf,
  type KeyRotation,
  type Release,
  type RunEnded,
  type TargetMessage,
  type TrustLetter,
} from '@lorica/protocol'
import type { SumTelling } from './sum-telling.js'

/** An agent that has joined, whether it is connected or not. */
export interface Member {
  readonly agentId: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>> // those that hold: its own, and in their place what operators set
  readonly ownLabels: Readonly<Record<string, string>> // that it joined with
  readonly setLabels: Readonly<Record<string, string | null>> // by operators
  readonly isCordoned: boolean // by an operator: takes part in no new round
  readonly publicKey: string // base64url
  readonly joinedAt: string
  readonly left: 'left' | 'revoked' | 'rejected' | null
  readonly isApproved: boolean // false: an operator has yet to let it in
  readonly alarm: AgentView['alarm'] // the last one about it
  readonly nextKey: NextKey | null // offered in place of its own
  readonly rotations: readonly KeyRotation[] // from the key that its id was made of to its own; an older one that proved nothing is missing
  readonly secretSha256: string // of the token that it joined with
}

/** A key that an agent is to have, and the word of the one that it has. */
export interface NextKey {
  readonly publicKey: string
  readonly isApproved: boolean
  readonly proof?: { readonly nonce: string; readonly signature: string }
}

/** The open connection of an agent that said hello. Sends resolve when the agent has answered. */
export interface Presence {
  readonly agentId: string
  readonly name: string
  readonly labels: Member['labels']
  readonly hello: Hello
  sendAssignment(assignment: Assignment): Promise<void>
  sendRelease(release: Release): Promise<void>
  /** Tells it who may sign. */
  sendTrust(letter: TrustLetter): Promise<void>
  sendRunEnded(ended: RunEnded): Promise<void>
  /** Tells it which release it is to have. */
  sendTarget(target: TargetMessage): Promise<void>
  /** Tells it what it needs for the next step of a secure sum. */
  sendSum(telling: SumTelling): Promise<void>
}

/** Who is connected now. */
export interface Roster {
  add(presence: Presence): void
  /** Takes a connection out, unless a newer one of the same agent has replaced it. Says whether it did. */
  remove(presence: Presence): boolean
  find(agentId: string): Presence | undefined
  /** Connected agents that have data, by name. */
  eligible(): readonly Presence[]
  all(): readonly Presence[]
}

/** An empty roster. `changed` hears who comes and goes. */
export function createRoster(changed: (presence: Presence, isHere: boolean) => void = () => {}): Roster {
  const present = new Map<string, Presence>()
  const byName = (a: Presence, b: Presence) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.agentId < b.agentId ? -1 : 1
  return {
    add(presence) {
      present.set(presence.agentId, presence)
      changed(presence, true)
    },
    remove(presence) {
      if (present.get(presence.agentId) !== presence) return false
      present.delete(presence.agentId)
      changed(presence, false)
      return true
    },
    find: (agentId) => present.get(agentId),
    eligible: () => [...present.values()].filter(({ hello }) => hello.dataset.documents > 0).sort(byName),
    all: () => [...present.values()],
  }
}

/** An agent as operators see it. */
export function agentView(
  member: Member,
  presence: Presence | undefined,
  doing: AgentView['doing'],
): AgentView {
  const { agentId, name, labels, isCordoned, joinedAt, left, isApproved, alarm, nextKey } = member
  const { software = null, device = null, dataset = null } = presence?.hello ?? {}
  return {
    agentId,
    name,
    labels,
    isCordoned,
    state: left !== null ? 'left' : !isApproved ? 'pending' : presence === undefined ? 'away' : 'connected',
    joinedAt,
    software,
    device: device as AgentView['device'],
    dataset: dataset as AgentView['dataset'],
    doing: presence === undefined ? null : doing,
    alarm,
    pendingKeyId: nextKey !== null && !nextKey.isApproved ? idOf(nextKey.publicKey) : null,
  }
}
