/**
 * A rollout that is to begin: what it would be, or why it cannot.
 * @module
 */
import {
  LoricaError,
  type ReleaseView,
  type RolloutPreview,
  type RolloutSpec,
  type RunSpec,
} from '@lorica/protocol'
import { factsOf } from '../fleet/facts.js'
import type { RolloutStep } from '../journal/rollout-event.js'
import { releaseNamed } from '../releases/aliases.js'
import { expectUnrefuted } from '../releases/audits.js'
import type { Parts } from '../rounds/parts.js'
import { hasPersonal } from '../runs/strategy.js'
import { baseFor, isBase } from './first-champion.js'
import { type Choice, groupsOf } from './groups.js'
import { isOpen } from './rollout.js'

export const CHAMPION = 'champion'

type Created = Extract<RolloutStep, { type: 'rollout-created' }>
type StartParts = Pick<Parts, 'ledger' | 'registry' | 'roster' | 'webhooks'>

/**
 * The event that begins a rollout of a release, by name or alias. Throws LoricaError LRC-3007 for one that is not known, LRC-3017 for a refuted one, LRC-3020 for a
 * plan that cannot be used or a release of another base, LRC-3021 without a champion, LRC-3022 while another one is open, LRC-3023 for the champion itself.
 */
export function startOf(
  {
    release: name,
    plan,
    run,
    isPlanned = false,
  }: {
    readonly release: string
    readonly plan: RolloutSpec
    readonly run: string | null
    readonly isPlanned?: boolean // without a champion: as if the base were it
  },
  parts: StartParts,
): { readonly event: Created; readonly notes: readonly string[] } {
  const { ledger, registry } = parts
  expectWebhooks(plan, parts.webhooks?.names ?? [])
  const release = known(registry.find(releaseNamed(ledger.aliases(), name)), name)
  const previous =
    isPlanned && findChampion(parts) === undefined ? baseFor(release, parts) : championOf(parts)
  const open = [...ledger.rollouts().all.values()].find(isOpen)
  if (open !== undefined)
    throw new LoricaError('LRC-3022', `rollout ${open.rolloutId} of ${open.release} is ${open.state}`, {
      received: release.name,
    })
  if (release.id === previous.id)
    throw new LoricaError('LRC-3023', `${release.name} is the champion already`, { received: release.name })
  if (release.manifest.base.sha256 !== previous.manifest.base.sha256)
    throw new LoricaError(
      'LRC-3020',
      `${release.name} is for another base than the champion ${previous.name}`,
      {
        expected: `base ${previous.manifest.base.name}, ${previous.manifest.base.sha256}`,
        received: `base ${release.manifest.base.name}, ${release.manifest.base.sha256}`,
      },
    )
  expectUnrefuted(ledger.audits(), release.name)
  const rolloutId = `rollout-${ledger.rollouts().all.size + 1}`
  const { groups, notes: left } = groupsOf(plan, choices(parts), rolloutId)
  const isFirst = isBase(previous)
  const first = `no release is the champion: the base as it is becomes ${previous.name} and the champion, with which ${release.name} is compared and to which it goes back`
  const notes = findChampion(parts) === undefined ? [first, ...left] : left
  const event: Created = {
    ...{ type: 'rollout-created', rolloutId, release: release.name, releaseId: release.id },
    ...{ previous: previous.name, previousId: previous.id, plan, groups },
    ...(isFirst ? { isFirst } : {}),
    cause: { by: run === null ? 'operator' : 'run', run },
  }
  return { event, notes }
}

export const findChampion = ({
  ledger,
  registry,
}: Pick<StartParts, 'ledger' | 'registry'>): ReleaseView | undefined =>
  registry.find(ledger.aliases().get(CHAMPION) ?? '')

/** The release that every agent is to have. Throws LoricaError LRC-3021 when there is none. */
export function championOf({ ledger, registry }: Pick<StartParts, 'ledger' | 'registry'>): ReleaseView {
  const champion = findChampion({ ledger, registry })
  if (champion !== undefined) return champion
  throw new LoricaError('LRC-3021', 'no release is the champion', {
    expected: 'a release with the alias champion',
    received: 'none',
  })
}

/** Throws LoricaError LRC-3020 for a plan that names a webhook that this coordinator does not know. */
export function expectWebhooks(
  { webhooks = [] }: Pick<RolloutSpec, 'webhooks'>,
  names: readonly string[],
): void {
  for (const [at, { hook }] of webhooks.entries()) {
    if (names.includes(hook)) continue
    throw new LoricaError(
      'LRC-3020',
      `rollout: "webhooks.${at}.hook": this coordinator has no webhook ${hook}`,
      {
        expected: names.join(', ') || 'one that `lorica coordinator --webhooks FILE` names',
        received: hook,
      },
    )
  }
}

/** What a start would be, with the names of agents. */
export function previewOf(
  event: Created,
  notes: readonly string[],
  { ledger }: Pick<StartParts, 'ledger'>,
): RolloutPreview {
  const groups = event.groups.map(({ name, agents }) => ({
    name,
    agents: agents.map((agentId) => ledger.member(agentId)?.name ?? agentId),
  }))
  return { release: event.release, previous: event.previous, groups, notes }
}

/** Every agent of the fleet that knows targets. */
function choices({ ledger, roster }: StartParts): readonly Choice[] {
  return ledger.members().flatMap((member): Choice[] => {
    const { agentId, left, isApproved } = member
    const presence = roster.find(agentId)
    if (left !== null || !isApproved || (presence?.hello.protocol ?? 2) < 2) return []
    const facts = factsOf(presence === undefined ? member : { ...member, hello: presence.hello })
    return [{ agentId, facts, isConnected: presence !== undefined }]
  })
}

function known(release: ReleaseView | undefined, name: string): ReleaseView {
  if (release !== undefined) return release
  throw new LoricaError('LRC-3007', `no release ${name.slice(0, 80)}`, { received: name.slice(0, 80) })
}

/**
 * Throws LoricaError LRC-3021 for a run with a rollout, in a fleet without a champion, where the base cannot become it: its agents keep parts of the adapter, or have a
 * release already that only lost its alias.
 */
export function expectChampion(
  spec: Pick<RunSpec, 'rollout' | 'aggregate'>,
  parts: Pick<StartParts, 'ledger' | 'registry'>,
): void {
  if ((spec.rollout ?? null) === null || findChampion(parts) !== undefined) return
  const last = parts.ledger.rollouts().champion
  if (last === null && !hasPersonal(spec)) return
  const name = last?.release ?? 'RELEASE'
  throw new LoricaError('LRC-3021', 'run: "rollout": no release is the champion', {
    expected: 'a release with the alias champion, or rollout: null',
    received: 'a plan',
    action: `Say which one is: \`lorica releases alias set champion ${name}\`; every agent has it then.`,
  })
}
