import type { SumTerms } from '@lorica/privacy'
import { LoricaError, type TrainAssignment } from '@lorica/protocol'
import { availableAgents } from '../fleet/availability.js'
import type { Seat, SeatMark } from '../journal/event.js'
import { newId } from '../random.js'
import { isBuffered } from '../runs/carry.js'
import { type OpenSeats, openSeats, roundOf } from '../runs/open-seats.js'
import type { Hold } from '../runs/opening.js'
import { phaseOf, type RoundState, refusalsOf } from '../runs/round.js'
import { isPrivate } from '../runs/secure-terms.js'
import { hasFrozen, hasPersonal, tensorsOf } from '../runs/strategy.js'
import { type ActiveRun, momentOf } from './active-run.js'
import { bystandersOf, recordedBystanders } from './bystanders.js'
import type { Parts } from './parts.js'
import { planRound, seatOf, trainAssignment } from './plan.js'
import { budgetFault, chargeInvited, chargeSeats } from './privacy-charges.js'
import { suitedAgents } from './selection.js'

const SCHEDULE_TICK_MS = 1000 // somebody may set the clock meanwhile

/** Plans the next round as soon as enough agents are connected. Throws LoricaError LRC-3006 when it never can. */
export async function planNextRound(parts: Parts, active: ActiveRun): Promise<void> {
  for (;;) {
    await waitUntilReady(parts, active)
    const plan = planNow(parts, active)
    if (plan.kind === 'give-up') throw new LoricaError(plan.code ?? 'LRC-3006', plan.reason)
    if (plan.kind === 'round') {
      setWaiting(parts, active, null)
      active.roundStartedMs = parts.clock.monotonicMs()
      active.marks.clear()
      active.uploads.clear()
      parts.ledger.record({
        ...plan.event,
        ...recordedBystanders(bystandersNow(parts, active, plan.event.seats)),
      })
      return
    }
    await waitFor(parts, active, plan, () => {
      const later = planNow(parts, active)
      return later.kind !== 'wait' || later.reason !== plan.reason
    })
  }
}

/** No round begins while what it brings in could not be kept. */
async function waitUntilReady(parts: Parts, active: ActiveRun): Promise<void> {
  const fault = parts.readiness.fault()
  if (fault === null) return
  setWaiting(parts, active, `${fault.code}: ${fault.message}`)
  await parts.readiness.ready(active.abort.signal)
}

function planNow(parts: Parts, active: ActiveRun) {
  const now = { nowMs: active.nowMs(), wallMs: parts.clock.now(), newId: () => newId(parts.random) }
  const run = active.run()
  return planRound(run, availableAgents(parts), {
    ...{ ...now, absent: absentees(parts, active) },
    budgetFault: (privacy, agents) => budgetFault(parts, run, privacy, agents),
  })
}

/** Whose seat of an earlier round is not waited for any more, and why: those that left, and those that are connected but hang. */
function absentees(parts: Parts, { run, leases }: ActiveRun): ReadonlyMap<string, string> {
  const absent = new Map<string, string>()
  for (const agentId of run().carried.keys()) {
    const hung = leases.contact(agentId).kind === 'connected' ? leases.absence(agentId) : undefined
    const left = parts.ledger.member(agentId)?.left ?? null
    const why = left === null ? hung : 'its agent left the fleet'
    if (why !== undefined) absent.set(agentId, why)
  }
  return absent
}

function bystandersNow(parts: Parts, active: ActiveRun, seats: readonly { readonly agentId: string }[]) {
  const present = {
    members: parts.ledger.members(),
    eligible: availableAgents(parts),
    isConnected: (agentId: string) => parts.roster.find(agentId) !== undefined,
  }
  return bystandersOf(active.run(), seats, present)
}

/** Waits until `isTrue`, and says why meanwhile. A wait that ends by itself is looked at then. */
export async function waitFor(
  parts: Parts,
  active: ActiveRun,
  { reason, untilMs }: Hold,
  isTrue: () => boolean,
): Promise<void> {
  setWaiting(parts, active, reason)
  const cancel = untilMs === null ? () => {} : parts.clock.every(SCHEDULE_TICK_MS, () => active.bell.ring())
  try {
    await active.bell.until(isTrue, active.abort.signal)
  } finally {
    cancel()
    active.waiting = null
  }
}

/** Sends the assignments of the open round and waits until it can be aggregated or has failed. */
export async function trainRound(parts: Parts, active: ActiveRun): Promise<'complete' | 'failed'> {
  chargeSeats(parts, active)
  const phase = () => phaseOf(openRoundOf(active), momentOf(active, openRoundOf(active)))
  for (const { agentId, status, start } of openRoundOf(active).seats.values()) {
    const isAsked = start !== undefined && parts.roster.find(agentId) !== undefined // when it was planned, or since it came back
    if (status === 'training' && !isAsked) askToTrain(active, agentId)
  }
  const cancel = parts.clock.every(tickMs(parts), () => {
    inviteWaiting(parts, active)
    active.bell.ring()
  })
  try {
    await active.bell.until(() => phase() !== 'training', active.abort.signal)
    const result = phase()
    if (result !== 'complete') return 'failed'
    const { runId } = active
    const round = openRoundOf(active)
    parts.ledger.record({ type: 'round-closed', runId, round: round.round, marks: marksOf(active, round) })
    return 'complete'
  } finally {
    cancel()
  }
}

/** How often leases and deadlines are looked at. */
export function tickMs({ leaseMs }: Pick<Parts, 'leaseMs'>): number {
  return Math.min(1000, Math.max(20, leaseMs / 10))
}

/** How far the seats of a round are, and why those that lapsed did. */
export function marksOf({ marks, leases }: ActiveRun, { seats }: RoundState): readonly SeatMark[] {
  return [...seats.values()].flatMap(({ agentId, status }) => {
    const mark = marks.byAgent().get(agentId)
    const absence = status === 'training' ? leases.absence(agentId) : undefined
    if (absence === undefined) return mark ?? []
    return { agentId, bytesUp: 0, bytesDown: 0, progress: null, ...mark, absence }
  })
}

/** Sends an agent its training assignment, for the first time or again. Nothing happens when it has none to do. */
export function askToTrain(active: ActiveRun, agentId: string): void {
  const run = active.run()
  const open = openSeats(run, agentId)
  const seat = open?.seats.get(agentId)
  if (open === null || open.isClosed || seat?.status !== 'training') return
  if (isPrivate(run.spec) && active.sum === null) return // it is asked once the terms of its sum are known
  active.ask(agentId, seat.assignmentId, async () => {
    return await assignmentOf(active, open, seat, active.sum?.terms)
  })
}

/** What a seat of an open round is asked to train. */
export async function assignmentOf(
  active: ActiveRun,
  open: OpenSeats,
  seat: Seat,
  terms?: SumTerms,
): Promise<TrainAssignment> {
  const run = active.run()
  const { frozen, personal } =
    hasFrozen(run.spec) || hasPersonal(run.spec)
      ? tensorsOf(run.spec, await active.adapter(seat.rank), roundOf(seat, open))
      : { frozen: [], personal: [] }
  return trainAssignment(run, open, seat, { nowMs: active.nowMs(), frozen, personal, terms })
}

/**
 * Gives seats in a round that could not reach its minimum otherwise to agents that have none, as many as it lacks; in a round that takes
 * late updates to all of them, since they hold up nobody.
 */
export function inviteWaiting(parts: Parts, active: ActiveRun): void {
  const run = active.run()
  const round = run.current
  if (round === null || round.isClosed || isPrivate(run.spec)) return // a sum has as many agents as its terms say
  const hopeful = [...round.seats.values()].filter(
    ({ agentId, status }) =>
      status === 'accepted' || (status === 'training' && !active.leases.hasLapsed(agentId)),
  )
  const lacking = isBuffered(run.spec) ? Number.POSITIVE_INFINITY : round.minimum - hopeful.length
  if (lacking <= 0) return
  const free = availableAgents(parts).filter(
    ({ agentId, name }) =>
      !round.seats.has(agentId) &&
      !run.excluded.includes(agentId) &&
      (round.privacy === null ||
        budgetFault(parts, run, round.privacy, [...round.seats.values(), { name }]) === undefined),
  )
  try {
    for (const agent of suitedAgents(run, free).suited.slice(0, lacking)) {
      const seat = seatOf(run.spec, agent, newId(parts.random))
      chargeInvited(parts, active, seat)
      parts.ledger.record({ type: 'agent-invited', runId: run.runId, round: round.round, seat })
      askToTrain(active, agent.agentId)
    }
  } catch (error) {
    parts.log('invitation-failed', { run: run.runId, why: (error as Error).message }) // the next tick tries again
  }
}

/** Gives up on the open round; another attempt may follow. The updates that it had accepted are recorded as refused. */
export function failRound(parts: Parts, active: ActiveRun, reason: string): void {
  const round = openRoundOf(active)
  const discarded = [...round.seats.values()].flatMap((seat) =>
    seat.status === 'accepted'
      ? [{ agentId: seat.agentId, updateSha256: seat.contribution.updateSha256, code: 'LRC-4016' as const }]
      : [],
  )
  const { runId } = active
  parts.ledger.record({
    type: 'round-failed',
    runId,
    round: round.round,
    attempt: round.attempt,
    reason,
    discarded,
    marks: marksOf(active, round),
  })
}

/** Why a round failed, in words. */
export function failureOf(round: RoundState): string {
  const reasons = refusalsOf(round).map(
    ({ name, kind, code, message }) => `${name} ${kind} (${code}: ${message})`,
  )
  return `round ${round.round} needs ${round.minimum} updates; ${reasons.join('; ')}`
}

/** The open round of a run. */
export function openRoundOf(active: ActiveRun): RoundState {
  const { current } = active.run()
  if (current === null) throw new RangeError(`run ${active.runId} expected an open round, has none`)
  return current
}

function setWaiting(parts: Parts, active: ActiveRun, reason: string | null): void {
  if (reason !== null && active.waiting !== reason) {
    parts.ledger.announce(active.runId, (stamp) => ({ ...stamp, type: 'run-waiting', reason }))
  }
  active.waiting = reason
}
