/**
 * A rollout: what its events add up to. Pure, so that a coordinator that starts anew is where it was.
 * @module
 */
import type { MetricView, RolloutLine, RolloutSpec, RolloutState } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { LossPairs, PlannedGroup, RolloutEvent, RolloutStep } from '../journal/rollout-event.js'
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

type Paused = Extract<RolloutStep, { type: 'rollout-paused' }>
type Answered = Pick<Extract<RolloutStep, { type: 'rollout-webhook' }>, 'outcome' | 'code' | 'reason'>

/** Agents of the newest group up to `count` were told by then. */
interface Batch {
  readonly count: number
  readonly atMs: number
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
  readonly admitted: number // agents of the group that was opened last that are told by now
  readonly batches: readonly Batch[] // of them, oldest first
  readonly accepted: number // groups up to this one count as good because a person said so
  readonly waived: number // groups up to this one begin without asking webhooks because a person said so
  readonly tries: number // how often it was told to go on or to try again: webhooks are asked anew
  readonly answers: ReadonlyMap<string, Answered> // of webhooks, by the key of the delivery
  readonly pausedBy: Paused['by'] | null
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

/** Whether an agent is told to have the release: it is in a group that is open, as far as its rate got; after the last group, every agent is. */
export function isExposed(
  { groups, group, admitted }: Pick<Rollout, 'groups' | 'group' | 'admitted'>,
  agentId: string,
): boolean {
  if (group === 0) return false
  const newest = groups[group - 1]?.agents ?? []
  if (group === groups.length && admitted >= newest.length) return true
  const isTold = (agents: readonly string[]) => agents.includes(agentId)
  return isTold(newest.slice(0, admitted)) || groups.slice(0, group - 1).some(({ agents }) => isTold(agents))
}

const toldAt = (batches: readonly Batch[], count: number, atMs: number) => ({
  admitted: count,
  batches: [...batches, { count, atMs }],
})

/** When an agent of an open group was told, or told last that the rollout goes on. */
export function toldMs({ groups, group, batches, openedMs }: Rollout, agentId: string): number {
  const at = groups[group - 1]?.agents.indexOf(agentId) ?? -1
  return batches.find(({ count }) => at >= 0 && at < count)?.atMs ?? openedMs
}

/** How many agents of a group that is opened are told at first. */
export function firstAdmitted({ plan, groups }: Pick<Rollout, 'plan' | 'groups'>, group: number): number {
  const size = groups[group - 1]?.agents.length ?? 0
  if ((plan.rate ?? null) === null) return size
  return Math.min(size, plan.rate?.atOnce ?? size, plan.rate?.perMinute === null ? size : 1)
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
    ...{ admitted: 0, batches: [] },
    accepted: 0,
    ...{ waived: 0, tries: 0, answers: new Map(), pausedBy: null },
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
    event.type === 'rollout-measured' || event.type === 'rollout-admitted'
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
        ...toldAt([], firstAdmitted(rollout, event.group), atMs),
        firstSerial: rollout.group === 0 ? event.target.serial : rollout.firstSerial,
        reason: null,
      }
    case 'rollout-admitted':
      return { ...rollout, ...toldAt(rollout.batches, event.count, atMs) }
    case 'rollout-webhook': {
      const { key, outcome, code, reason } = event
      return { ...rollout, answers: new Map([...rollout.answers, [key, { outcome, code, reason }]]) }
    }
    case 'rollout-renewed':
      return rollout
    case 'rollout-measured':
      return { ...rollout, measured: new Map([...rollout.measured, [event.agentId, event.pairs]]) }
    case 'rollout-soaking':
      return { ...rollout, state: 'soaking', soakingMs: atMs, isSoaked: true, reason: null }
    case 'rollout-paused': {
      const { reason, evidence, by: pausedBy } = event
      return { ...rollout, state: 'paused', reason, evidence, pausedBy }
    }
    case 'rollout-resumed':
      return resumed(askedAnew(rollout), atMs)
    case 'rollout-promoted': {
      const accepted = event.isFull ? rollout.groups.length : Math.max(rollout.accepted, rollout.group)
      const isGoneOver = rollout.state === 'paused' && rollout.pausedBy === 'webhook'
      const waived = event.isFull ? accepted : isGoneOver ? rollout.group + 1 : rollout.waived
      const promoted = { ...rollout, accepted, waived, isApproved: true }
      return rollout.state === 'paused' ? resumed(promoted, atMs) : { ...promoted, reason: null }
    }
    case 'rollout-retried':
      return retried(askedAnew(rollout), event.target?.serial ?? rollout.firstSerial, atMs)
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

/** Webhooks are asked anew, under other ids. */
function askedAnew(rollout: Rollout): Rollout {
  return { ...rollout, tries: rollout.tries + 1, waived: 0 }
}

/** A paused rollout goes on where it was; what it waits for is waited for anew. */
function resumed(rollout: Rollout, atMs: number): Rollout {
  const { isSoaked } = rollout
  return {
    ...rollout,
    ...{ state: rollout.group === 0 ? 'pending' : isSoaked ? 'soaking' : 'running', reason: null },
    pausedBy: null,
    ...toldAt([], rollout.admitted, atMs),
    ...{ openedMs: atMs, soakingMs: isSoaked ? atMs : null },
  }
}

function retried(rollout: Rollout, serial: number, atMs: number): Rollout {
  const anew = { reports: new Map(), measured: new Map(), reason: null, evidence: null, firstSerial: serial }
  if (rollout.state === 'paused') return { ...resumed({ ...rollout, isSoaked: false }, atMs), ...anew }
  return {
    ...{ ...rollout, ...anew, state: 'pending', isApproved: true },
    ...{ group: 0, admitted: 0, accepted: 0, endedAt: null, soakingMs: null, isSoaked: false },
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
