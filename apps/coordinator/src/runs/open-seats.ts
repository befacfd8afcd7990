import type { Seat } from '../journal/event.js'
import { isBuffered } from './carry.js'
import type { RoundState } from './round.js'
import type { Run } from './run.js'

/** What takes the work of an agent now: the open round, or the seats that are kept for the next one. */
export type OpenSeats = Pick<
  RoundState,
  'round' | 'seats' | 'isClosed' | 'closedAt' | 'deadlineAtMs' | 'lateGraceMs' | 'privacy'
>

/** Where the seat of an agent is to be found now; null when the run has no open round and keeps no seat for it. */
export function openSeats(run: Run, agentId: string): OpenSeats | null {
  const kept = run.carried.get(agentId)
  const always = { isClosed: false, closedAt: null, deadlineAtMs: null, lateGraceMs: 0, privacy: null }
  if (kept !== undefined) return { ...always, round: kept.start?.round ?? 0, seats: run.carried }
  if (run.current === null || !isBuffered(run.spec)) return run.current
  return { ...run.current, deadlineAtMs: null } // after it the update counts in the next round
}

/** The round in which a seat was asked for. */
export function roundOf(seat: Seat, { round }: Pick<OpenSeats, 'round'>): number {
  return seat.start?.round ?? round
}
