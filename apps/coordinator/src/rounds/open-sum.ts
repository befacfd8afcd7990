/**
 * A secure sum, of the updates of an open round or of what agents measure: what has come of it, and what each agent was told last.
 * @module
 */
import type { SumTerms } from '@lorica/privacy'
import type { SumTelling } from '../fleet/sum-telling.js'
import { openSum, type SumState } from '../runs/sum-state.js'

/** The place of an agent in a sum. */
export interface SumSeat {
  readonly assignmentId: string
  readonly isIn: boolean // its input is here
  readonly over?: string // why it will not answer any more
}

/** A secure sum that is under way, in memory only. */
export interface OpenSum {
  readonly terms: SumTerms
  seatOf(agentId: string): SumSeat | undefined
  state: SumState
  readonly told: Map<string, SumTelling> // by agentId: the last of it, for one that lost its link
  readonly said: { bytesUp: number; bytesDown: number } // in frames, but for masked updates
  answeredAtMs: number // when any agent last gave an answer that was awaited
  readonly movedAtMs: Map<string, number> // by agentId: when it last answered or moved bytes, by the monotonic clock
}

/** A secure sum that waits for keys. */
export function createOpenSum(terms: SumTerms, seatOf: OpenSum['seatOf']): OpenSum {
  return {
    terms,
    seatOf,
    state: openSum(),
    told: new Map(),
    said: { bytesUp: 0, bytesDown: 0 },
    answeredAtMs: Number.NEGATIVE_INFINITY,
    movedAtMs: new Map(),
  }
}
