import type { AggregationView, FileReference, RefusalRecord } from '@lorica/protocol'
import { type HeldCandidate, stepHeld } from '../journal/candidate-event.js'
import type {
  Bystander,
  Contribution,
  RoundEvent,
  RunJournalEvent,
  Seat,
  SeatMark,
  SeatOver,
} from '../journal/event.js'
import type { RoundPrivacy } from '../journal/privacy-event.js'
import { type RoundSum, stepSum } from '../journal/sum-event.js'

/** How one seat of a round stands. */
export type SeatState =
  | { readonly status: 'training' }
  | { readonly status: 'carried' } // it goes on in the next round
  | { readonly status: 'accepted'; readonly contribution: Contribution }
  | { readonly status: 'refused' | 'declined'; readonly code: string; readonly message: string }

/** Seats of a round, or between rounds, by agentId. */
export type Seats = ReadonlyMap<string, Seat & SeatState>

/** A round between its plan and its commit. */
export interface RoundState {
  readonly round: number // 1, 2, ...
  readonly attempt: number // 1, 2, ...
  readonly minimum: number // contributions that it needs
  readonly goal: number | null // contributions that complete it; null: those of every seat
  readonly trusted: string | null // agentId of the one without whose update it cannot be aggregated
  readonly deadlineAtMs: number | null
  readonly lateGraceMs: number
  readonly seats: Seats
  readonly over: readonly SeatOver[] // seats of earlier rounds that did not go on in this one
  readonly isClosed: boolean // no update is accepted any more
  readonly start: readonly FileReference[] // of the adapter that it starts from
  readonly startState: FileReference | null // what the optimiser of the coordinator remembered then
  readonly candidate: readonly FileReference[] | null
  readonly state: FileReference | null // what it remembers if the candidate is released
  readonly aggregation: AggregationView | null // how the candidate was made
  readonly privacy: RoundPrivacy | null // how it protects its sites
  readonly isCharged: boolean // to the accounts of those sites
  readonly nextClip: number | null // of the round after it, where the clip adapts
  readonly held: HeldCandidate | null // the candidate, where its guards left it to a person
  readonly sum: RoundSum | null // of updates that nobody sees; null before it begins
  readonly plannedAt: string
  readonly closedAt: string | null
  readonly bystanders: readonly Bystander[] // who had no seat when it was planned
  readonly bystandersNotNamed: number
  readonly marks: ReadonlyMap<string, SeatMark> // by agentId; how far each seat was when the round closed or ended
}

type Planned = Extract<RunJournalEvent, { type: 'round-planned' }>

/** The state that a plan begins with: every seat is training, but for those of earlier rounds whose updates are here already. */
export function openRound(
  event: Planned,
  at: string,
  from: Partial<Pick<RoundState, 'start' | 'startState'>> & { readonly carried?: Seats } = {},
): RoundState {
  const { round, attempt, minimum, goal, deadlineAtMs, lateGraceMs = 0 } = event
  const { over = [], bystanders = [], bystandersNotNamed = 0 } = event
  const stateOf = ({ agentId, assignmentId }: Seat): SeatState => {
    const carried = from.carried?.get(agentId)
    return carried?.status === 'accepted' && carried.assignmentId === assignmentId
      ? { status: 'accepted', contribution: carried.contribution }
      : { status: 'training' }
  }
  const seats = new Map(event.seats.map((seat) => [seat.agentId, { ...seat, ...stateOf(seat) }]))
  return {
    ...{ round, attempt, minimum, goal, deadlineAtMs, lateGraceMs },
    ...{ seats, over, bystanders, bystandersNotNamed },
    trusted: event.trusted ?? null,
    ...{
      isClosed: false,
      start: from.start ?? [],
      startState: from.startState ?? null,
      candidate: null,
      state: null,
      aggregation: null,
      privacy: event.privacy ?? null,
      isCharged: false,
      nextClip: null,
      held: null,
      sum: null,
      plannedAt: at,
      closedAt: null,
      marks: new Map(),
    },
  }
}

/** What an event does to a round. An event that does not apply, such as a second update of a seat, changes nothing. */
export function stepRound(state: RoundState, event: RoundEvent, at: string): RoundState {
  switch (event.type) {
    case 'agent-invited':
      if (event.round !== state.round || state.isClosed || state.seats.has(event.seat.agentId)) return state
      return {
        ...state,
        seats: new Map([...state.seats, [event.seat.agentId, { ...event.seat, status: 'training' }]]),
      }
    case 'update-accepted':
    case 'update-refused':
    case 'agent-declined':
    case 'seat-revoked': {
      const seats = state.isClosed ? state.seats : stepSeats(state.seats, event, state.round)
      return seats === state.seats ? state : { ...state, seats }
    }
    case 'round-closed':
      return state.isClosed || event.round !== state.round
        ? state
        : { ...state, isClosed: true, closedAt: at, marks: withMarks(state.marks, event.marks) }
    case 'privacy-charged':
      return event.round === state.round ? { ...state, isCharged: true } : state
    case 'sum-step':
    case 'sum-finished':
      return event.round === state.round ? { ...state, sum: stepSum(state.sum, event) } : state
    case 'candidate-held':
    case 'candidate-decided':
      return event.round === state.round ? { ...state, held: stepHeld(state.held, event) } : state
    case 'round-aggregated':
      if (event.round !== state.round) return state
      return {
        ...state,
        candidate: event.files,
        state: event.state ?? null,
        aggregation: event.aggregation ?? null,
        nextClip: event.nextClip ?? null,
      }
  }
}

/** An event about one seat. */
export type SeatEvent = Extract<
  RoundEvent,
  { type: 'update-accepted' | 'update-refused' | 'agent-declined' | 'seat-revoked' }
>

/**
 * Seats after an event about one of them; the same ones where it does not apply. `round`: in which those were asked for that have
 * no start of their own.
 */
export function stepSeats(seats: Seats, event: SeatEvent, round: number): Seats {
  const { agentId } = event.type === 'update-accepted' ? event.contribution : event
  const seat = seats.get(agentId)
  if (seat === undefined || event.round !== (seat.start?.round ?? round)) return seats
  const next = nextOf(seat, event)
  return next === undefined ? seats : new Map([...seats, [agentId, settle(seat, next)]])
}

function nextOf(seat: Seat & SeatState, event: SeatEvent): SeatState | undefined {
  if (event.type === 'seat-revoked') {
    const { code, message } = event
    const holds = seat.status === 'training' || seat.status === 'accepted'
    return holds ? { status: 'refused', code, message } : undefined
  }
  const { assignmentId } = event.type === 'update-accepted' ? event.contribution : event
  if (seat.status !== 'training' || seat.assignmentId !== assignmentId) return undefined
  if (event.type === 'update-accepted') return { status: 'accepted', contribution: event.contribution }
  const { code, message } = event
  return { status: event.type === 'update-refused' ? 'refused' : 'declined', code, message }
}

/** A seat in another state. */
export function settle(
  { agentId, name, assignmentId, device, rank, start }: Seat,
  next: SeatState,
): Seat & SeatState {
  return {
    ...{ agentId, name, assignmentId },
    ...(device === undefined ? {} : { device }),
    ...(rank === undefined ? {} : { rank }),
    ...(start === undefined ? {} : { start }),
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
  readonly ready?: ReadonlySet<string> // of a round whose updates are summed unseen: agentIds that are done, and wait for the others
}

/** Whether a round waits for updates, can be aggregated, or has failed. */
export function phaseOf(state: RoundState, moment: Moment): 'training' | 'complete' | 'failed' {
  const seats = [...state.seats.values()]
  const isReady = (seat: Seat & SeatState) =>
    seat.status === 'training' && moment.ready?.has(seat.agentId) === true
  const accepted = seats.filter((seat) => seat.status === 'accepted' || isReady(seat)).length
  const training = seats.filter((seat) => seat.status === 'training' && !isReady(seat))
  const hasTrusted = state.trusted === null || state.seats.get(state.trusted)?.status === 'accepted'
  const isEnough = accepted >= state.minimum && hasTrusted
  if (state.isClosed) return isEnough ? 'complete' : 'failed'
  if (state.goal !== null && accepted >= state.goal && hasTrusted) return 'complete'
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

/**
 * The contributions of a round, by hash: the order in which they are folded, whoever sent them first. Those that were asked for in an
 * earlier round say what they started from.
 */
export function contributionsOf(state: RoundState): readonly Contribution[] {
  return [...state.seats.values()]
    .flatMap((seat) => (seat.status === 'accepted' ? [withStart(seat.contribution, seat)] : []))
    .sort((a, b) =>
      a.updateSha256 < b.updateSha256
        ? -1
        : a.updateSha256 > b.updateSha256
          ? 1
          : a.tokens - b.tokens || (a.late?.staleness ?? 0) - (b.late?.staleness ?? 0),
    )
}

function withStart(contribution: Contribution, { start }: Seat): Contribution {
  if (start === undefined) return contribution
  const { round, version, staleness } = start
  return { ...contribution, late: { round, version, staleness } }
}

/** Why each other seat brought nothing, those of earlier rounds included that did not go on. */
export function refusalsOf(state: RoundState): readonly RefusalRecord[] {
  const over = state.over.map(({ agentId, name, kind, code, message }) => ({
    ...{ agentId, name, kind, code, message },
  }))
  const seats = [...state.seats.values()].flatMap((seat): RefusalRecord[] => {
    const { agentId, name } = seat
    if (seat.status === 'accepted' || seat.status === 'carried') return []
    if (seat.status === 'training') {
      const message = state.marks.get(agentId)?.absence ?? 'no update before the round closed'
      return [{ agentId, name, kind: 'absent', code: 'LRC-4002', message }]
    }
    return [{ agentId, name, kind: seat.status, code: seat.code, message: seat.message }]
  })
  return [...over, ...seats]
}
