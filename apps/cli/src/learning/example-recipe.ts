import type { Batch, Engine, RowSource } from '@lorica/peft-core'

/** How every site trains. */
export interface ExampleRecipe {
  readonly rank: number
  readonly targets: string // all-linear, or module names separated by commas
  readonly rounds: number
  readonly steps: number // of each site in each round
  readonly batch: number // expected examples of a step
  readonly learningRate: number // falling to 0 as a cosine
  readonly warmupSteps: number
  readonly optimizer: 'adamw' | 'sgd'
  readonly start?: 'principal' | 'random' // of A, where it is orthonormal; random where it is left out
  readonly seed: number // of the start; examples and noise are of the system's randomness
}

/** The bound on the gradient of an example, and the noise on the sum of a step, over that bound. */
export interface ExampleNoise {
  readonly clip: number
  readonly noiseMultiplier: number
  /** Set: a step is of all sites, and its noise is on their sum, which alone is seen; with this chance of an example to take part. */
  readonly samplingRate: number | null
}

export interface ExampleSites {
  readonly engine: Engine
  readonly model: string
  readonly columns: number
  readonly train: readonly RowSource<Batch>[] // of each site
  readonly heldOut: readonly RowSource<Batch>[]
}
