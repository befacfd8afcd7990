/**
 * What work is made with, and what it comes to.
 * @module
 */
import type { Adapter, OptimizerState, StepProgress, TensorMap, Tokenizer } from '@lorica/peft-core'
import type { Comparison, EvaluateAssignment, TrainAssignment } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Trainer } from '../engine/engine.js'
import type { PrivateBatches } from '../private/batches.js'
import type { Owner } from '../site/owner.js'
import type { Spend } from '../site/spend.js'
import type { ReadControl } from './correction.js'
import type { Delta } from './delta.js'

export interface WorkParts {
  /** Path of the base on this machine, its hash checked. */
  readonly base: (assignment: TrainAssignment | EvaluateAssignment) => Promise<string>
  /** The adapter to start from or to measure, its hashes checked. */
  readonly adapter: (assignment: TrainAssignment | EvaluateAssignment) => Promise<Adapter>
  /** The coordinator's control of SCAFFOLD, its hash checked. */
  readonly control: ReadControl
  readonly batches: PrivateBatches
  /** The tokenizer of a base. Throws LRC-7005 where it has none. */
  readonly tokenizer: (model: string) => Promise<Tokenizer>
  readonly trainer: Trainer
  readonly owner: Pick<Owner, 'whenFree'>
  readonly clock: Clock
  readonly onStep: (
    progress: Pick<StepProgress, 'step'> & { readonly [name in 'loss' | 'tokensPerSecond']: number | null },
    steps: number,
  ) => void
  /** Has the examples of this agent pay for noisy steps, before they are made. Throws LRC-6021 when they cannot. */
  readonly spend: Spend
  /** Hears how many batches of an evaluation were read. */
  readonly onBatch?: (done: number) => void
}

/** What an agent measured on its held-out text. */
export interface Measured {
  readonly lossSum: number
  readonly tokens: number
  readonly evaluateMs: number
  readonly comparison?: Comparison
}

/** What an agent hands in for a round, with the counts that go with it. */
export interface Update {
  readonly delta: Delta
  readonly examples: number
  readonly tokens: number
  readonly trainMs: number
  readonly lossFirst: number | null // null: it is private
  readonly lossLast: number | null
  readonly samplingRate?: number // with dp
  readonly moments?: OptimizerState // stays here
  readonly own?: TensorMap // the personal parts after training; they stay here
  readonly control?: TensorMap // c_k of SCAFFOLD: stays here, too
}
