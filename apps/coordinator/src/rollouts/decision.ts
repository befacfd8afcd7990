/**
 * What a rollout does next. Pure: what is known of the fleet, and the time, are arguments.
 * @module
 */
import type { MetricView } from '@lorica/protocol'
import { verdictOf } from './analysis.js'
import { isExposed, type Rollout, toldMs } from './rollout.js'
import { type Gate, gatedAt } from './webhook.js'

/** What is known of the fleet while a rollout is open. */
export interface Known {
  readonly nowMs: number // of the clock on the wall
  readonly isMember: (agentId: string) => boolean // it has not left
  readonly isConnected: (agentId: string) => boolean
  /** It may yet come back after a start of the coordinator, and say what it has. */
  readonly isAwaited: (agentId: string) => boolean
  readonly sinceMs: number // when the coordinator started
  /** The metrics as they are now. */
  readonly metrics: readonly MetricView[]
  /** Agents that were asked for losses and have yet to answer. */
  readonly measuring: number
}

/** The next step of a rollout; `wait` until something is heard, or time has passed. */
export type Decision =
  | { readonly kind: 'open'; readonly group: number }
  | { readonly kind: 'soak'; readonly group: number }
  | { readonly kind: 'admit'; readonly count: number }
  | {
      readonly kind: 'pause'
      readonly by: 'analysis' | 'errors' | 'plan' | 'webhook'
      readonly reason: string
    }
  | { readonly kind: 'abort'; readonly by: 'analysis' | 'errors' | 'webhook'; readonly reason: string }
  | { readonly kind: 'finish' }
  | { readonly kind: 'undo'; readonly by: 'analysis' | 'errors'; readonly reason: string }
  | { readonly kind: 'end-watch' }
  | { readonly kind: 'wait'; readonly reason: string | null; readonly asks?: Gate } // webhooks over a point

/** How the agents of some groups stand. */
export interface Tally {
  readonly members: number
  readonly applied: number
  readonly failed: number // of those that answered; one that is connected and silent for too long counts as one
  readonly away: number
  readonly waiting: number // connected or awaited, and yet to answer
}

/** An agent that was told, and keeps silent for longer than the plan allows; the time that the coordinator was down does not count. */
function isLate(
  rollout: Rollout,
  agentId: string,
  { nowMs, sinceMs }: Pick<Known, 'nowMs' | 'sinceMs'>,
): boolean {
  return nowMs - Math.max(toldMs(rollout, agentId), sinceMs) >= rollout.plan.patienceMs
}

type Seen = Pick<Known, 'nowMs' | 'isMember' | 'isConnected' | 'isAwaited' | 'sinceMs'>

/** How the agents of the groups up to `through` stand, or of those after `from` alone. */
export function tallyOf(
  rollout: Rollout,
  { nowMs, isMember, isConnected, isAwaited, sinceMs }: Seen,
  { from = 0, through = rollout.group }: { readonly from?: number; readonly through?: number } = {},
): Tally {
  const agents = rollout.groups
    .slice(from, through)
    .flatMap(({ agents }) => agents)
    .filter(isMember)
  let [applied, failed, away, waiting] = [0, 0, 0, 0]
  for (const agentId of agents) {
    const outcome = rollout.reports.get(agentId)?.outcome
    if (outcome === 'applied') applied++
    else if (outcome === 'failed') failed++
    else if (!isConnected(agentId) && !isAwaited(agentId)) away++
    else if (isExposed(rollout, agentId) && isLate(rollout, agentId, { nowMs, sinceMs })) failed++
    else waiting++
  }
  return { members: agents.length, applied, failed, away, waiting }
}

/** Decides over a rollout that is open, or done and watched. */
export function decide(rollout: Rollout, known: Known): Decision {
  const { plan, state, group, groups } = rollout
  if (state === 'done') return decideWatched(rollout, known)
  if (state === 'pending')
    return rollout.isApproved ? opening(rollout, 1) : { kind: 'wait', reason: rollout.reason }
  if (state !== 'running' && state !== 'soaking') return { kind: 'wait', reason: rollout.reason }
  const tally = tallyOf(rollout, known)
  const fault = faultOf(rollout, tally) ?? regression(rollout, known)
  if (fault !== undefined)
    return plan.error.then === 'rollback' ? { kind: 'abort', ...fault } : { kind: 'pause', ...fault }
  if (state === 'running') return admission(rollout, known) ?? settled(rollout, tally, known)
  const isAccepted = rollout.accepted >= group
  const soakedMs = known.nowMs - (rollout.soakingMs ?? known.nowMs)
  if (!isAccepted && soakedMs < plan.soakMs) return { kind: 'wait', reason: `group ${group} soaks` }
  const awaited = awaitedOf(rollout, known)
  if (!isAccepted && awaited > 0)
    return {
      kind: 'wait',
      reason: `the coordinator started anew: ${agents(awaited)} ${awaited === 1 ? 'has yet to say what it has' : 'have yet to say what they have'}`,
    }
  const askedMs = Math.max(rollout.openedMs, known.sinceMs)
  if (!isAccepted && known.measuring > 0 && known.nowMs - askedMs < plan.patienceMs + plan.soakMs)
    return {
      kind: 'wait',
      reason: `${agents(known.measuring)} ${known.measuring === 1 ? 'measures' : 'measure'} the losses of both releases`,
    }
  if (!isAccepted && verdictOf(plan, known.metrics) === 'inconclusive')
    return { kind: 'pause', by: 'analysis', reason: undecided(rollout, known.metrics) }
  const gated = atGate(rollout, { gate: 'after-group', group })
  if (gated !== undefined) return gated
  if (group === groups.length) return { kind: 'finish' }
  if (!isAccepted && plan.success.then === 'pause')
    return { kind: 'pause', by: 'plan', reason: `group ${group} is good, and the plan waits for a person` }
  return opening(rollout, group + 1)
}

/** A group begins when those who are asked before it say so. */
const opening = (rollout: Rollout, group: number): Decision =>
  atGate(rollout, { gate: 'before-group', group }) ?? { kind: 'open', group }

/** What webhooks keep a rollout from going on; undefined: nothing. */
function atGate(rollout: Rollout, point: Gate): Decision | undefined {
  const gated = gatedAt(rollout, point)
  if (gated.kind === 'open') return undefined
  const by = 'webhook'
  if (gated.kind === 'asking')
    return { kind: 'wait', reason: `waits for webhook ${gated.hooks.join(', ')}`, asks: point }
  const isAbort = gated.kind === 'halt' && rollout.plan.error.then === 'rollback'
  return { kind: isAbort ? 'abort' : 'pause', by, reason: gated.reason }
}

/** Agents of the newest group that are told next, as fast as the plan says; undefined once all are. */
function admission(rollout: Rollout, known: Known): Decision | undefined {
  const { groups, group, admitted, plan } = rollout
  const newest = groups[group - 1]?.agents ?? []
  if (admitted >= newest.length) return undefined
  const { perMinute = null, atOnce = null } = plan.rate ?? {}
  const { isMember, isConnected, isAwaited } = known
  const isBusy = (id: string): boolean =>
    isMember(id) &&
    (isConnected(id) || isAwaited(id)) &&
    !rollout.reports.has(id) &&
    !isLate(rollout, id, known)
  const busy = newest.slice(0, admitted).filter(isBusy).length
  const room = atOnce === null ? newest.length : Math.max(0, atOnce - busy)
  const sinceLastMs = known.nowMs - (rollout.batches.at(-1)?.atMs ?? rollout.openedMs)
  const due = perMinute === null ? newest.length : Math.floor((sinceLastMs * perMinute) / 60_000)
  const count = Math.min(newest.length, admitted + Math.min(room, due))
  if (count > admitted) return { kind: 'admit', count }
  return { kind: 'wait', reason: `group ${group}: ${admitted} of ${newest.length} agents are told by now` }
}

function decideWatched(rollout: Rollout, known: Known): Decision {
  const { plan, watchUntilMs } = rollout
  if (watchUntilMs === null) return { kind: 'wait', reason: null }
  const { applied, failed } = tallyOf(rollout, { ...known, nowMs: rollout.openedMs })
  const fault = faultOf(rollout, { applied, failed, waiting: 0 }) ?? regression(rollout, known)
  if (fault !== undefined && plan.error.then === 'rollback') return { kind: 'undo', ...fault }
  const isOver = known.nowMs >= watchUntilMs && awaitedOf(rollout, known) === 0
  return isOver ? { kind: 'end-watch' } : { kind: 'wait', reason: null }
}

/** Members of open groups that may yet come back after a start of the coordinator. */
function awaitedOf({ groups, group }: Rollout, { isMember, isAwaited }: Known): number {
  const opened = groups.slice(0, group).flatMap(({ agents }) => agents)
  return opened.filter((agentId) => isMember(agentId) && isAwaited(agentId)).length
}

interface Fault {
  readonly by: 'analysis' | 'errors'
  readonly reason: string
}

/** More agents failed than the plan allows. */
function faultOf(
  { plan: { error } }: Rollout,
  { applied, failed, waiting }: Pick<Tally, 'applied' | 'failed' | 'waiting'>,
): Fault | undefined {
  const executed = applied + failed
  const isEnough = executed >= error.minExecuted || (waiting === 0 && executed > 0)
  if (!isEnough || failed / executed <= error.threshold) return undefined
  const share = percent(failed / executed)
  return {
    by: 'errors',
    reason: `${failed} of ${executed} agents failed, ${share}: more than ${percent(error.threshold)}`,
  }
}

/** A metric that counts got worse. */
function regression({ plan }: Rollout, { metrics }: Known): Fault | undefined {
  if (verdictOf(plan, metrics) !== 'fail') return undefined
  const failing = metrics.filter(({ isEnforced, verdict }) => isEnforced && verdict === 'fail')
  return { by: 'analysis', reason: failing.map(({ text }) => text).join('; ') }
}

/** A group that was opened: have enough of its agents the release? */
function settled(rollout: Rollout, tally: Tally, known: Known): Decision {
  const { group, plan, accepted } = rollout
  const own = tallyOf(rollout, known, { from: group - 1 })
  const executed = tally.applied + tally.failed
  if (own.members > 0 && own.applied + own.failed === 0) {
    const who = own.away === own.members ? 'none of its agents is connected' : yetToAnswer(own.waiting)
    return accepted >= group ? { kind: 'soak', group } : { kind: 'wait', reason: `group ${group}: ${who}` }
  }
  const { threshold } = plan.success
  if (tally.waiting === 0 && executed > 0 && tally.applied / executed < threshold && accepted < group) {
    const reason = `group ${group}: ${tally.applied} of ${executed} agents have it, less than ${percent(threshold)}`
    return { kind: 'pause', by: 'errors', reason }
  }
  const isGood = tally.applied >= threshold * tally.members || tally.waiting === 0 || accepted >= group
  if (isGood) return { kind: 'soak', group }
  return { kind: 'wait', reason: `group ${group}: ${yetToAnswer(tally.waiting)}` }
}

function undecided({ plan }: Rollout, metrics: readonly MetricView[]): string {
  const waits = new Set(plan.analysis.flatMap((one) => (one.whenInconclusive === 'pause' ? one.metric : [])))
  const open = metrics.filter(
    ({ metric, isEnforced, verdict }) => isEnforced && verdict === 'inconclusive' && waits.has(metric),
  )
  return `the analysis is inconclusive, and a person decides: ${open.map(({ text }) => text).join('; ')}`
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))}%`
const agents = (count: number): string => `${count} ${count === 1 ? 'agent' : 'agents'}`
const yetToAnswer = (count: number): string =>
  `${agents(count)} ${count === 1 ? 'has' : 'have'} yet to answer`
