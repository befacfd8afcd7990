/**
 * Steps whose examples take part by a secret coin each: what the accounting of sampled steps needs.
 * @module
 */
import type { Batch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { createSecretRandom, type SecretRandom } from '../train/secret-random.js'
import type { RowSource } from './row-source.js'

export interface PoissonPlan {
  /** How many examples take part in a step on average. */
  readonly expectedExamples: number
  /** Rows of a micro-batch: how many examples are computed at once. */
  readonly rows: number
  readonly steps: number
  /** Draws the coins, and the stretches of long documents; the operating system's randomness unless stated. */
  readonly random?: SecretRandom
}

/** Tokens that keep matrix products at full speed. */
const TOKENS_AT_ONCE = 512

/** How many examples of a step to compute at once: few, since as many gradients are in memory, and the last rows may be empty. */
export function rowsAtOnce(expectedExamples: number, columns: number): number {
  return Math.max(1, Math.min(expectedExamples, Math.ceil(TOKENS_AT_ONCE / Math.max(1, columns))))
}

/** The chance of an example to take part in a step. RangeError when there are too few examples for so many. */
export function samplingRate({ count }: { readonly count: number }, expectedExamples: number): number {
  if (expectedExamples > 0 && expectedExamples <= count) return expectedExamples / count
  throw new RangeError(
    `a step of ${expectedExamples} examples on average expected at least as many in the data, got ${count}`,
  )
}

/**
 * The micro-batches of each step, made as they are taken. Every example takes part in a step, or not, whatever others do; a step may
 * have none. All that were drawn are there, however many: the last micro-batch is filled up with rows that do not count. RangeError
 * for a source whose examples have no rows of their own.
 */
export function* poissonSteps<B extends Batch>(
  source: RowSource<B>,
  { expectedExamples, rows, steps, random = createSecretRandom() }: PoissonPlan,
): Generator<Iterable<B>> {
  const rate = samplingRate(source, expectedExamples)
  if (source.example === undefined)
    throw new RangeError('sampling expected examples with rows of their own, got rows that share examples')
  for (let step = 0; step < steps; step++) {
    const drawn: (readonly number[])[] = []
    for (let index = 0; index < source.count; index++)
      if (random.coin(rate)) drawn.push(source.example(index, random))
    yield microBatches(source, drawn, { rows, stream: `step ${step}` })
  }
}

function* microBatches<B extends Batch>(
  source: RowSource<B>,
  drawn: readonly (readonly number[])[],
  { rows, stream }: { readonly rows: number; readonly stream: string },
): Generator<B> {
  for (let first = 0; first < drawn.length; first += rows) {
    const present = drawn.slice(first, first + rows)
    const filled = Array.from({ length: rows }, (_, row) => present[row] ?? (present[0] as readonly number[]))
    const batch = source.batch(filled, { seed: 0, stream })
    batch.labels.fill(IGNORED, (present.length * batch.labels.length) / rows)
    yield batch
  }
}
