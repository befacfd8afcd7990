/**
 * Buffered rounds (FedBuff, https://arxiv.org/abs/2106.06639): a round closes with enough updates, and the seats that still train go
 * on in the next one, with the adapter that they started from. Their updates count there, by how many releases they are behind.
 * @module
 */
import type { LateStart, RunSpec } from '@lorica/protocol'
import type { Discarded, Seat, SeatOver } from '../journal/event.js'
import type { Run } from './run.js'

/** Whether rounds of a run take late updates. */
export function isBuffered({ rounds }: Pick<RunSpec, 'rounds'>): boolean {
  return rounds.mode === 'buffered'
}

/** What becomes of the seats that are kept for the next round. */
export interface CarriedOver {
  readonly seats: readonly Seat[]
  readonly over: readonly SeatOver[]
}

/** Which kept seats go on in the next round of a run, and why the others do not. `absent`: why agents cannot be waited for, by agentId. */
export function carriedOver(run: Run, absent: ReadonlyMap<string, string>): CarriedOver {
  const seats: Seat[] = []
  const over: SeatOver[] = []
  for (const { agentId, name, assignmentId, device, rank, start, ...state } of run.carried.values()) {
    if (start === undefined) continue
    const seat = { agentId, name, assignmentId }
    const { round, version, files } = start
    const late = { round, version, staleness: stalenessSince(run, round) }
    const end = (kind: SeatOver['kind'], code: string, message: string): void => {
      const accepted = state.status === 'accepted' ? { updateSha256: state.contribution.updateSha256 } : {}
      over.push({ ...seat, kind, code, message, late, ...accepted })
    }
    const most = run.spec.rounds.buffer?.maxStaleness ?? null
    const absence = state.status === 'training' ? absent.get(agentId) : undefined
    if (state.status === 'refused' || state.status === 'declined')
      end(state.status, state.code, state.message)
    else if (most !== null && late.staleness > most) end('refused', 'LRC-4017', tooOld(late, most))
    else if (absence !== undefined) end('absent', 'LRC-4002', absence)
    else {
      const known = { ...(device === undefined ? {} : { device }), ...(rank === undefined ? {} : { rank }) }
      seats.push({ ...seat, ...known, start: { ...late, files } })
    }
  }
  return { seats, over }
}

/** How many releases a run made since a round of it began. */
function stalenessSince({ rounds }: Pick<Run, 'rounds'>, round: number): number {
  return rounds.filter((record) => record.round >= round && record.release !== null).length
}

function tooOld({ round, staleness }: LateStart, most: number): string {
  const releases = staleness === 1 ? '1 release' : `${staleness} releases`
  return `asked for in round ${round}, ${releases} ago, and rounds.buffer.maxStaleness is ${most}`
}

/** The updates that wait for a next round, where none comes any more. */
export function waitingUpdates({ carried }: Pick<Run, 'carried'>): readonly Discarded[] {
  return [...carried.values()].flatMap((seat) =>
    seat.status === 'accepted'
      ? [{ agentId: seat.agentId, updateSha256: seat.contribution.updateSha256, code: 'LRC-4016' as const }]
      : [],
  )
}

/** Why a seat of an earlier round did not go on; undefined for one that did, or that is not known. */
export function endOf({ current, history }: Run, assignmentId: string): SeatOver | undefined {
  const rounds = current === null ? history : [...history, current]
  return rounds.flatMap(({ over }) => over).findLast((seat) => seat.assignmentId === assignmentId)
}
