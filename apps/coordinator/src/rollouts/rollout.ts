/**
 * A rollout: what its events add up to. Pure, so that a coordinator that starts anew is where it was.
 * @module
 */
import type { MetricView, RolloutLine, RolloutSpec, RolloutState } from '@lorica/protocol'
import type { JournalEntry } from '../journal-chain.js'
import type { LossPairs, PlannedGroup, RolloutEvent, RolloutStep } from '../journal-rollout-event.js'
import { lineOf } from './line.js'

/** What an agent said of a target. */
export interface Report {
  readonly serial: number
  readonly release: string
  readonly releaseId: string
  readonly outcome: 'applied' | 'failed'
  readonly isServed: boolean
  readonly reason: string | null
}

export interface Rollout {
  readonly rolloutId: string
  readonly release: string
  readonly releaseId: string
  readonly previous: string
  readonly previousId: string
  readonly plan: RolloutSpec
  readonly groups: readonly PlannedGroup[]
  readonly cause: { readonly by: 'operator' | 'run'; readonly run: string | null }
  readonly createdAt: string
  readonly state: RolloutState
  readonly isApproved: boolean
  readonly group: number // how many are open
  readonly accepted: number // groups up to this one count as good because a person said so
  readonly firstSerial: number // of the targets of this try; answers to earlier ones do not count
  readonly openedMs: number // when the group that was opened last was, or was tried again
  readonly soakingMs: number | null // since when the open groups soak
  readonly isSoaked: boolean // of a paused one: whether it soaked when it was paused
  readonly reason: string | null
  readonly evidence: readonly MetricView[] | null // that its last step rests on
  readonly endedAt: string | null
  readonly watchUntilMs: number | null // done, and watched until then; null: not watched
  readonly reports: ReadonlyMap<string, Report> // the last of each agent about the release, of this try
  readonly measured: ReadonlyMap<string, LossPairs | null>
  readonly history: readonly RolloutLine[]
}

/** Whether a rollout has yet to end: it alone says which release its open groups are to have. */
export const isOpen = ({ state }: Pick<Rollout, 'state'>): boolean =>
  state === 'pending' || state === 'running' || state === 'soaking' || state === 'paused'

/** Whether an agent is in a group that is open; after the last group, every agent is. */
export function isExposed({ groups, group }: Pick<Rollout, 'groups' | 'group'>, agentId: string): boolean {
  if (group === groups.length) return true
  return groups.slice(0, group).some(({ agents }) => agents.includes(agentId))
}

type Created = Extract<RolloutStep, { type: 'rollout-created' }>

/** A rollout that was created. */
export function createRollout(event: Created, entry: JournalEntry): Rollout {
  const { type: _, ...fields } = event
  return {
    ...fields,
    createdAt: entry.at,
    state: 'pending',
    isApproved: !event.plan.approval,
    group: 0,
    accepted: 0,
    firstSerial: 0,
    openedMs: 0,
    soakingMs: null,
    isSoaked: false,
    reason: event.plan.approval ? 'waits for the approval of a person' : null,
    evidence: null,
    endedAt: null,
    watchUntilMs: null,
    reports: new Map(),
    measured: new Map(),
    history: [lineOf(event, entry)],
  }
}

/** A rollout after one of its events. */
export function stepRollout(before: Rollout, event: RolloutStep, entry: JournalEntry): Rollout {
  const atMs = Date.parse(entry.at)
  const rollout =
    event.type === 'rollout-measured'
      ? before
      : { ...before, history: [...before.history, lineOf(event, entry)] }
  switch (event.type) {
    case 'rollout-created':
      return before
    case 'rollout-approved':
      return { ...rollout, isApproved: true, reason: null }
    case 'rollout-group-opened':
      return {
        ...rollout,
        ...{ state: 'running', group: event.group, openedMs: atMs, soakingMs: null, isSoaked: false },
        firstSerial: rollout.group === 0 ? event.target.serial : rollout.firstSerial,
        reason: null,
      }
    case 'rollout-renewed':
      return rollout
    case 'rollout-measured':
      return { ...rollout, measured: new Map([...rollout.measured, [event.agentId, event.pairs]]) }
    case 'rollout-soaking':
      return { ...rollout, state: 'soaking', soakingMs: atMs, isSoaked: true, reason: null }
    case 'rollout-paused': {
      const { reason, evidence } = event
      return { ...rollout, state: 'paused', reason, evidence }
    }
    case 'rollout-resumed':
      return rollout.group === 0 ? { ...rollout, state: 'pending', reason: null } : resumed(rollout, atMs)
    case 'rollout-promoted': {
      const accepted = event.isFull ? rollout.groups.length : Math.max(rollout.accepted, rollout.group)
      const isApproved = true
      return rollout.state === 'paused'
        ? resumed({ ...rollout, accepted, isApproved }, atMs)
        : { ...rollout, accepted, isApproved, reason: null }
    }
    case 'rollout-retried':
      return retried(rollout, event.target?.serial ?? rollout.firstSerial, atMs)
    case 'rollout-aborted':
    case 'rollout-undone': {
      const state = event.type === 'rollout-aborted' ? 'aborted' : 'undone'
      const { reason, evidence } = event
      return { ...rollout, state, reason, evidence, endedAt: entry.at, watchUntilMs: null }
    }
    case 'rollout-done': {
      const watchUntilMs = atMs + rollout.plan.watchMs
      return {
        ...rollout,
        ...{ state: 'done', evidence: event.evidence, endedAt: entry.at, reason: null, watchUntilMs },
      }
    }
    case 'rollout-watch-ended':
      return { ...rollout, watchUntilMs: null, evidence: event.evidence }
  }
}

/** A paused rollout goes on where it was; what it waits for is waited for anew. */
function resumed(rollout: Rollout, atMs: number): Rollout {
  const { isSoaked } = rollout
  return {
    ...rollout,
    ...{ state: rollout.group === 0 ? 'pending' : isSoaked ? 'soaking' : 'running', reason: null },
    ...{ openedMs: atMs, soakingMs: isSoaked ? atMs : null },
  }
}

function retried(rollout: Rollout, serial: number, atMs: number): Rollout {
  const anew = { reports: new Map(), measured: new Map(), reason: null, evidence: null, firstSerial: serial }
  if (rollout.state === 'paused') return { ...resumed({ ...rollout, isSoaked: false }, atMs), ...anew }
  return {
    ...{ ...rollout, ...anew, state: 'pending', isApproved: true },
    ...{ group: 0, accepted: 0, endedAt: null, soakingMs: null, isSoaked: false },
  }
}

type Reported = Extract<RolloutEvent, { type: 'target-reported' }>

/** A rollout after an agent said what became of a target. */
export function reportedTo(rollout: Rollout, event: Reported): Rollout {
  const { agentId, serial, releaseId } = event
  if (releaseId !== rollout.releaseId || serial < rollout.firstSerial || rollout.group === 0) return rollout
  const { release, outcome, isServed, reason } = event
  const report: Report = { serial, release, releaseId, outcome, isServed, reason }
  return { ...rollout, reports: new Map([...rollout.reports, [agentId, report]]) }
}
