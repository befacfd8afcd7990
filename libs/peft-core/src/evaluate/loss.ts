import type { Task } from '../source/task.js'
import type { Batch, Batches } from '../train/batch.js'
import { countedTokens } from '../train/counted.js'

export interface LossTotal {
  /** Nats over all counted tokens. */
  readonly lossSum: number
  readonly tokens: number
}

export interface MeasuredModel {
  readonly task: Task
  /** How many trained embeddings stand before each row; none unless stated. */
  readonly virtualTokens?: number
  /** The mean loss of a batch over its counted tokens. */
  meanLoss(batch: Batch): Promise<number>
}

/**
 * Sums the loss of batches, each weighted by its counted tokens, so that the answer does not depend on how they are cut.
 */
export async function evaluateLoss(
  batches: Batches,
  { task, virtualTokens, meanLoss }: MeasuredModel,
): Promise<LossTotal> {
  let lossSum = 0
  let tokens = 0
  for await (const batch of batches) {
    const counted = countedTokens(batch, task, virtualTokens)
    if (counted === 0) continue // the mean over no tokens is not a number
    lossSum += counted * (await meanLoss(batch))
    tokens += counted
  }
  return { lossSum, tokens }
}

/** Nats per counted token; the exponential of it is the perplexity. RangeError when no token counted. */
export function natsPerToken({ lossSum, tokens }: LossTotal): number {
  if (tokens === 0) throw new RangeError('no token counted; give text that is longer than one token')
  return lossSum / tokens
}
