import type { MeasuredLoss, SecureSum, SumTerms } from '@lorica/privacy'
import type {
  EvaluateAssignment,
  Identity,
  SumConfirmations,
  SumDelivery,
  SumRoster,
  SumSurvivors,
  TrainAssignment,
} from '@lorica/protocol'
import type { SumBook } from './store/sum-book.js'
import type { SumParts } from './summing/secure-sum.js'

/** What the first agent is told in the place of the truth, in the order of the steps. */
export interface Lies {
  readonly roster?: (truth: SumRoster, ids: readonly Identity[], terms: SumTerms) => SumRoster
  readonly delivery?: (truth: SumDelivery) => SumDelivery
  readonly survivors?: (truth: SumSurvivors) => SumSurvivors
  readonly confirmations?: (truth: SumConfirmations) => SumConfirmations
}

export interface Sitting extends Lies {
  readonly agents?: number
  readonly terms?: Partial<SumTerms>
  readonly company?: Partial<SumParts['company']>
  /** Which of the others the first agent's site knows; left out: those of `company`. */
  readonly knows?: readonly number[]
  readonly clip?: number | null
  readonly values?: (agent: number) => Float32Array
  /** They sum what they measured, in the place of updates. */
  readonly measured?: (agent: number) => MeasuredLoss
  /** Of what they are asked to measure. */
  readonly asked?: Partial<EvaluateAssignment>
  /** Of what one of them is asked otherwise. */
  readonly askedAs?: (agent: number) => Partial<EvaluateAssignment>
  /** Of what one of them is asked to train otherwise. */
  readonly trainedAs?: (agent: number) => Partial<TrainAssignment>
  /** What the first agent remembers. */
  readonly book?: SumBook
}

export interface Sat {
  readonly victim: string // the code with which the first agent ended, or `sum of N`
  readonly said: readonly string[] // the messages of the first agent
  readonly frames: readonly Buffer[] // everything that agents sent over their sockets
  readonly masked: readonly Uint32Array[]
  readonly sum: SecureSum | null
  readonly terms: SumTerms
}
