import type { DataFormat, NewHead } from '@lorica/peft-core'
import type { EngineChoice } from './engine-choice.js'
import type { MethodOptions } from './method.js'
import type { PrivateOptions } from './private-options.js'
import type { RecomputeChoice } from './recompute.js'
import type { TrainingPlan } from './training.js'

/** The options of `lorica train`. */
export interface TrainOptions extends MethodOptions, EngineChoice, PrivateOptions {
  readonly model: string
  readonly data: readonly string[]
  readonly out: string
  readonly adapter?: string
  readonly format?: DataFormat
  readonly newHead?: NewHead['task']
  readonly steps: number
  readonly epochs?: number
  readonly batch: number
  readonly maxTokens: number
  readonly learningRate: number
  readonly optimizer?: 'adamw' | 'sgd'
  readonly proximal?: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly schedule: 'constant' | 'linear' | 'cosine'
  readonly warmupSteps: number
  readonly accumulate: number
  readonly checkpointEvery?: number
  readonly resume?: boolean
  readonly log?: string
  readonly holdout: number
  readonly seed: number
  readonly recompute: RecomputeChoice
}

/** Adam's constants, as torch.optim.AdamW has them. */
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const

/** How a command trains, but for what its data and its place say. */
export function planOf(options: TrainOptions): Omit<TrainingPlan, 'folder' | 'notes' | 'columns' | 'unit'> {
  const {
    learningRate,
    optimizer = 'adamw',
    proximal,
    weightDecay,
    clipNorm,
    schedule,
    warmupSteps,
    steps,
    accumulate,
    checkpointEvery,
    log,
  } = options
  return {
    rows: options.batch,
    accumulate,
    steps,
    seed: options.seed,
    optimizer: {
      ...(optimizer === 'sgd' ? { kind: optimizer } : ADAM),
      ...{ learningRate, weightDecay, ...(clipNorm === 0 ? {} : { clipNorm }) },
    },
    ...(proximal === undefined ? {} : { proximal }),
    schedule: { kind: schedule, warmupSteps, totalSteps: steps },
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
    ...(log === undefined ? {} : { log }),
  }
}
