/**
 * Who has no seat in a round, and why: recorded when the round is planned, told before a run is started.
 * @module
 */
import type { Member } from '../fleet/roster.js'
import type { Bystander } from '../journal/event.js'
import { type Candidate, type Selecting, suitedAgents } from './selection.js'

/** The agents of a fleet: those that joined, and those of them that are connected and have data. */
export interface Present {
  readonly members: readonly Pick<Member, 'agentId' | 'name' | 'left' | 'isApproved' | 'isCordoned'>[]
  readonly eligible: readonly Candidate[]
  readonly isConnected: (agentId: string) => boolean
}

type Judged = Pick<Bystander, 'fate' | 'reason'>

/** Every member of the fleet that is not among the seats of a round, with the reason, in the order in which they joined. */
export function bystandersOf(
  run: Selecting,
  seats: readonly { readonly agentId: string }[],
  { members, eligible, isConnected }: Present,
): readonly Bystander[] {
  const { suited, unsuited } = suitedAgents(run, eligible)
  const seated = new Set(seats.map(({ agentId }) => agentId))
  const suitable = new Set(suited.map(({ agentId }) => agentId))
  const excluded = new Set(run.excluded)
  const reasons = new Map(unsuited.map(({ agent, reason }) => [agent.agentId, reason]))
  const judge = ({ agentId, isApproved, isCordoned }: Present['members'][number]): Judged => {
    if (!isApproved) return { fate: 'away', reason: 'waits for approval' }
    if (isCordoned) return { fate: 'cordoned', reason: `lorica agents uncordon takes it back` }
    if (excluded.has(agentId))
      return { fate: 'excluded', reason: 'declined or was refused in this round before' }
    const reason = reasons.get(agentId)
    if (reason !== undefined) return { fate: 'unsuited', reason }
    if (suitable.has(agentId)) return { fate: 'reserve', reason: `rounds.goal is ${run.spec.rounds.goal}` }
    return { fate: 'away', reason: isConnected(agentId) ? 'has no data' : 'not connected' }
  }
  return members
    .filter(({ agentId, left }) => left === null && !seated.has(agentId))
    .map((member) => ({ agentId: member.agentId, name: member.name, ...judge(member) }))
}

const NAMED = 1000 // bystanders of one round in the journal

/** Bystanders as the journal keeps them: those that nearly took part first, and a bounded number of them. */
export function recordedBystanders(bystanders: readonly Bystander[]): {
  readonly bystanders: readonly Bystander[]
  readonly bystandersNotNamed: number
} {
  const nearer = bystanders.filter(({ fate }) => fate !== 'away')
  const kept = [...nearer, ...bystanders.filter(({ fate }) => fate === 'away')].slice(0, NAMED)
  return { bystanders: kept, bystandersNotNamed: bystanders.length - kept.length }
}
