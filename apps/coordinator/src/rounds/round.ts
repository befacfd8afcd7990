import type { AggregationView, FileReference, RefusalRecord } from '@lorica/protocol'
import type {
  Bystander,
  Contribution,
  RoundEvent,
  RunJournalEvent,
  Seat,
  SeatMark,
} from '../journal-event.js'

/** How one seat of a round stands. */
export type SeatState =
  | { readonly status: 'training' }
  | { readonly status: 'accepted'; readonly contribution: Contribution }
  | { readonly status: 'refused' | 'declined'; readonly code: string; readonly message: string }

/** A round between its plan and its commit. */
export interface RoundState {
  readonly round: number // 1, 2, ...
  readonly attempt: number // 1, 2, ...
  readonly minimum: number // contributions that it needs
  readonly goal: number | null // contributions that complete it; null: those of every seat
  readonly deadlineAtMs: number | null
  readonly lateGraceMs: number
  readonly seats: ReadonlyMap<string, Seat & SeatState> // by agentId
  readonly isClosed: boolean // no update is accepted any more
  readonly start: readonly FileReference[] // of the adapter that it starts from
  readonly startState: FileReference | null // what the optimiser of the coordinator remembered then
  readonly candidate: readonly FileReference[] | null
  readonly state: FileReference | null // what it remembers if the candidate is released
  readonly aggregation: AggregationView | null // how the candidate was made
  readonly plannedAt: string
  readonly closedAt: string | null
  readonly bystanders: readonly Bystander[] // who had no seat when it was planned
  readonly bystandersNotNamed: number
  readonly marks: ReadonlyMap<string, SeatMark> // by agentId; how far each seat was when the round closed or ended
}

type Planned = Extract<RunJournalEvent, { type: 'round-planned' }>

/** The state that a plan begins with: every seat is training. */
export function openRound(
  event: Planned,
  at: string,
  from: Partial<Pick<RoundState, 'start' | 'startState'>> = {},
): RoundState {
  const { round, attempt, minimum, goal, deadlineAtMs, lateGraceMs = 0 } = event
  const { bystanders = [], bystandersNotNamed = 0 } = event
  const seats = new Map(event.seats.map((seat) => [seat.agentId, { ...seat, status: 'training' as const }]))
  return {
    ...{ round, attempt, minimum, goal, deadlineAtMs, lateGraceMs, seats, bystanders, bystandersNotNamed },
    ...{
      isClosed: false,
      start: from.start ?? [],
      startState: from.startState ?? null,
      candidate: null,
      state: null,
      aggregation: null,
      plannedAt: at,
      closedAt: null,
      marks: new Map(),
    },
  }
}

/** What an event does to a round. An event that does not apply, such as a second update of a seat, changes nothing. */
export function stepRound(state: RoundState, event: RoundEvent, at: string): RoundState {
  if (event.round !== state.round) return state
  switch (event.type) {
    case 'agent-invited':
      if (state.isClosed || state.seats.has(event.seat.agentId)) return state
      return {
        ...state,
        seats: new Map([...state.seats, [event.seat.agentId, { ...event.seat, status: 'training' }]]),
      }
    case 'update-accepted': {
      const { contribution } = event
      return withSeat(state, contribution.agentId, contribution.assignmentId, {
        status: 'accepted',
        contribution,
      })
    }
    case 'update-refused':
    case 'agent-declined': {
      const status = event.type === 'update-refused' ? 'refused' : 'declined'
      const { agentId, assignmentId, code, message } = event
      return withSeat(state, agentId, assignmentId, { status, code, message })
    }
    case 'seat-revoked': {
      const { agentId, code, message } = event
      const seat = state.seats.get(agentId)
      if (state.isClosed || seat === undefined || (seat.status !== 'training' && seat.status !== 'accepted'))
        return state
      return {
        ...state,
        seats: new Map([...state.seats, [agentId, settle(seat, { status: 'refused', code, message })]]),
      }
    }
    case 'round-closed':
      return state.isClosed
        ? state
        : { ...state, isClosed: true, closedAt: at, marks: withMarks(state.marks, event.marks) }
    case 'round-aggregated':
      return {
        ...state,
        candidate: event.files,
        state: event.state ?? null,
        aggregation: event.aggregation ?? null,
      }
  }
}

function withSeat(state: RoundState, agentId: string, assignmentId: string, next: SeatState): RoundState {
  const seat = state.seats.get(agentId)
  if (state.isClosed || seat?.status !== 'training' || seat.assignmentId !== assignmentId) return state
  return { ...state, seats: new Map([...state.seats, [agentId, settle(seat, next)]]) }
}

function settle({ agentId, name, assignmentId, device, rank }: Seat, next: SeatState): Seat & SeatState {
  return {
    ...{ agentId, name, assignmentId },
    ...(device === undefined ? {} : { device }),
    ...(rank === undefined ? {} : { rank }),
    ...next,
  }
}

/** Marks with later ones in the place of earlier ones. */
export function withMarks(
  known: ReadonlyMap<string, SeatMark>,
  later: readonly SeatMark[] = [],
): ReadonlyMap<string, SeatMark> {
  if (later.length === 0) return known
  return new Map([...known, ...later.map((mark) => [mark.agentId, mark] as const)])
}

/** What is known beside the journal when a round is judged. */
export interface Moment {
  readonly nowMs: number
  readonly lapsed: ReadonlySet<string> // agentIds whose lease has run out
  readonly hung: ReadonlySet<string> // those of them that are connected
  readonly uploading: ReadonlySet<string> // agentIds whose update is under way, its bytes moving
}

/** Whether a round waits for updates, can be aggregated, or has failed. */
export function phaseOf(state: RoundState, moment: Moment): 'training' | 'complete' | 'failed' {
  const seats = [...state.seats.values()]
  const accepted = seats.filter((seat) => seat.status === 'accepted').length
  const training = seats.filter((seat) => seat.status === 'training')
  const isEnough = accepted >= state.minimum
  if (state.isClosed) return isEnough ? 'complete' : 'failed'
  if (state.goal !== null && accepted >= state.goal) return 'complete'
  const alive = training.filter(({ agentId }) => !moment.lapsed.has(agentId))
  if (state.deadlineAtMs !== null && moment.nowMs >= state.deadlineAtMs) {
    const isInGrace = moment.nowMs < state.deadlineAtMs + state.lateGraceMs
    if (isInGrace && alive.some(({ agentId }) => moment.uploading.has(agentId))) return 'training'
    return isEnough ? 'complete' : 'failed'
  }
  if (alive.length > 0) return 'training'
  if (isEnough) return 'complete'
  const isHopeless = training.every(({ agentId }) => moment.hung.has(agentId))
  return isHopeless ? 'failed' : 'training' // an agent that is away may still come back
}

/** The contributions of a round, by hash: the order in which they are folded, whoever sent them first. */
export function contributionsOf(state: RoundState): readonly Contribution[] {
  return [...state.seats.values()]
    .flatMap((seat) => (seat.status === 'accepted' ? [seat.contribution] : []))
    .sort((a, b) =>
      a.updateSha256 < b.updateSha256 ? -1 : a.updateSha256 > b.updateSha256 ? 1 : a.tokens - b.tokens,
    )
}

/** Why each other seat brought nothing. */
export function refusalsOf(state: RoundState): readonly RefusalRecord[] {
  return [...state.seats.values()].flatMap((seat): RefusalRecord[] => {
    const { agentId, name } = seat
    if (seat.status === 'accepted') return []
    if (seat.status === 'training') {
      const message = state.marks.get(agentId)?.absence ?? 'no update before the round closed'
      return [{ agentId, name, kind: 'absent', code: 'LRC-4002', message }]
    }
    return [{ agentId, name, kind: seat.status, code: seat.code, message: seat.message }]
  })
}
