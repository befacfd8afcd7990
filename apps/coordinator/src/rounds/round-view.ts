/**
 * What operators see of rounds: what became of each agent, and why. Everything comes from the journal, but for how far the
 * seats of an open round are.
 * @module
 */
import type {
  AgentInRound,
  AttemptView,
  ReasonCount,
  RefusalRecord,
  RoundSummary,
  RoundView,
  SumView,
} from '@lorica/protocol'
import type { Bystander, Seat, SeatMark, SeatOver } from '../journal/event.js'
import type { RoundSum } from '../journal/sum-event.js'
import { type RoundState, refusalsOf } from '../runs/round.js'
import type { PastRound, Run } from '../runs/run.js'

type Attempt = RoundState | PastRound
type Marks = ReadonlyMap<string, SeatMark>

/** What is known of the seats of an open round beyond the journal. */
export interface Live {
  readonly marks: Marks // how far they are
  readonly isConnected: (agentId: string) => boolean
}

/** The rounds of a run so far, oldest first. */
export function roundSummaries(run: Run, live: Live): readonly RoundSummary[] {
  const numbers = [...new Set(attemptsOf(run).map(({ round }) => round))]
  return numbers.map((round) => {
    const { state, release, loss, energy, cost, aggregation, attempts } = roundView(
      run,
      round,
      live,
    ) as RoundView
    const latest = attempts.at(-1) as AttemptView
    const seats = latest.agents.filter(({ fate }) => isSeat(fate))
    const sum = (key: 'bytesUp' | 'bytesDown') =>
      latest.agents.reduce((total, agent) => total + agent[key], 0)
    return {
      ...{ round, state, release, loss, attempts: attempts.length, reason: latest.reason },
      ...expenseIn({ energy, cost }),
      error: aggregation?.error ?? null,
      seats: new Set(seats.map(({ agentId }) => agentId)).size, // one of an earlier round may be over, and its agent have another
      accepted: seats.filter(({ fate }) => fate === 'accepted').length,
      reasons: latest.reasons,
      bytesUp: sum('bytesUp'),
      bytesDown: sum('bytesDown'),
      plannedAt: latest.plannedAt,
      endedAt: latest.endedAt,
    }
  })
}

/** One round of a run with every attempt at it, or undefined when it was never planned. */
export function roundView(run: Run, round: number, live: Live): RoundView | undefined {
  const attempts = attemptsOf(run).filter((attempt) => attempt.round === round)
  const latest = attempts.at(-1)
  if (latest === undefined) return undefined
  const record = run.rounds.find((one) => one.round === round)
  return {
    run: run.runId,
    round,
    state: stateOf(latest),
    release: record?.release ?? null,
    loss: record?.loss ?? null,
    ...expenseIn(record ?? {}),
    aggregation: latest.aggregation,
    guards: record?.guards ?? latest.held?.guards ?? [],
    attempts: attempts.map((attempt) => attemptView(attempt, live)),
  }
}

type Expense = { readonly [Name in 'energy' | 'cost']?: RoundView[Name] | undefined }

function expenseIn({ energy, cost }: Expense): Pick<RoundView, 'energy' | 'cost'> {
  return { ...(energy === undefined ? {} : { energy }), ...(cost === undefined ? {} : { cost }) }
}

function attemptsOf(run: Run): readonly Attempt[] {
  return run.current === null ? run.history : [...run.history, run.current]
}

function attemptView(attempt: Attempt, live: Live): AttemptView {
  const { minimum, goal, deadlineAtMs, plannedAt, closedAt, bystandersNotNamed } = attempt
  const bystanders = attempt.bystanders.filter(({ agentId }) => !attempt.seats.has(agentId)) // some were invited later
  const past = isPast(attempt) ? attempt : null
  return {
    attempt: attempt.attempt,
    state: stateOf(attempt),
    reason: past?.reason ?? null,
    ...{ minimum, goal, plannedAt, closedAt, bystandersNotNamed },
    ...(attempt.sum === null ? {} : { sum: sumView(attempt.sum, attempt) }),
    deadlineAt: deadlineAtMs === null ? null : new Date(deadlineAtMs).toISOString(),
    endedAt: past?.endedAt ?? null,
    reasons: histogramOf(attempt.isClosed || past !== null ? refusalsOf(attempt) : settledOf(attempt)),
    agents: [...seatsOf(attempt, live), ...attempt.over.map(overView), ...bystanders.map(bystanderView)],
  }
}

function sumView({ lists, survivors, ms, unmaskMs, said, elements }: RoundSum, { seats }: Attempt): SumView {
  const masked = [...seats.values()].flatMap((seat) =>
    seat.status === 'accepted' ? [seat.contribution.sizeBytes] : [],
  )
  return {
    keys: lists.keys?.length ?? 0,
    shares: lists.shares?.length ?? 0,
    survivors: survivors.length,
    confirmations: lists.confirmation?.length ?? 0,
    bytesUp: masked.reduce((sum, sizeBytes) => sum + sizeBytes, said.bytesUp),
    bytesDown: said.bytesDown,
    plainBytes: 4 * elements * survivors.length,
    ...{ ms, unmaskMs },
  }
}

/** Why seats brought nothing, counted, most frequent first; equal counts by code. */
export function histogramOf(
  refusals: readonly Pick<RefusalRecord, 'kind' | 'code'>[],
): readonly ReasonCount[] {
  const counts = new Map<string, ReasonCount>()
  for (const { kind, code } of refusals) {
    const key = `${code} ${kind}`
    counts.set(key, { kind, code, count: (counts.get(key)?.count ?? 0) + 1 })
  }
  return [...counts.entries()]
    .sort(([a, { count }], [b, other]) => other.count - count || (a < b ? -1 : 1))
    .map(([, reason]) => reason)
}

function settledOf(attempt: Attempt): readonly RefusalRecord[] {
  return refusalsOf(attempt).filter(({ kind }) => kind !== 'absent')
}

function seatsOf(attempt: Attempt, live: Live): readonly AgentInRound[] {
  const marks = isPast(attempt) ? attempt.marks : live.marks
  const isOver = attempt.isClosed || isPast(attempt)
  const refusals = new Map(refusalsOf({ ...attempt, over: [] }).map((refusal) => [refusal.agentId, refusal]))
  return [...attempt.seats.values()].map((seat) => {
    const { agentId, name, device = null, rank = null } = seat
    const {
      bytesUp = 0,
      bytesDown = 0,
      progress = null,
    } = marks.get(agentId) ?? attempt.marks.get(agentId) ?? {}
    const known = { device, rank, progress, bytesDown, late: lateOf(seat) }
    const base = { ...nothing, agentId, name, ...known }
    if (seat.status === 'accepted') {
      const { trainMs, lossFirst, lossLast, tokens, sizeBytes } = seat.contribution
      const brought = { trainSeconds: trainMs / 1000, lossFirst, lossLast, tokens }
      return { ...base, fate: 'accepted', ...brought, bytesUp: Math.max(bytesUp, sizeBytes) }
    }
    if (seat.status === 'carried') return { ...base, fate: 'carried', bytesUp }
    const refusal = refusals.get(agentId)
    if (refusal === undefined || (seat.status === 'training' && !isOver)) {
      const waiting = live.isConnected(agentId) ? (progress?.waiting ?? null) : 'it is not connected'
      return { ...base, fate: 'training', waiting, bytesUp }
    }
    const { kind: fate, code, message } = refusal
    return { ...base, fate, code, message, bytesUp }
  })
}

function lateOf({ start }: Seat): AgentInRound['late'] {
  if (start === undefined) return null
  const { round, version, staleness } = start
  return { round, version, staleness }
}

function overView({ agentId, name, kind, code, message, late }: SeatOver): AgentInRound {
  return { ...nothing, agentId, name, fate: kind, code, message, late }
}

function bystanderView({ agentId, name, fate, reason }: Bystander): AgentInRound {
  return { ...nothing, agentId, name, fate, message: reason }
}

const nothing = {
  ...{ code: null, message: null, waiting: null, device: null, rank: null, progress: null },
  ...{ trainSeconds: null, lossFirst: null, lossLast: null, tokens: null },
  ...{ bytesUp: 0, bytesDown: 0, late: null },
} as const

const isPast = (attempt: Attempt): attempt is PastRound => 'outcome' in attempt

function stateOf(attempt: Attempt): AttemptView['state'] {
  if (isPast(attempt)) return attempt.outcome
  return attempt.isClosed ? 'closed' : 'open'
}

const isSeat = (fate: AgentInRound['fate']): boolean =>
  ['accepted', 'training', 'carried', 'refused', 'declined', 'absent'].includes(fate)
