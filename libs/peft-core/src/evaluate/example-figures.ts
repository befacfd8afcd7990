/**
 * What a model makes of held-out data example by example, so that two models can be compared on the same examples.
 * @module
 */
import type { MeasuredBatch } from './measured-batch.js'

/** An example is a row with labels that count; lists have one entry for each, in the order of the data. */
export interface ExampleFigures {
  readonly lossSum: number // nats over all labels
  readonly labels: number
  readonly losses: Float64Array // of an example: mean nats over its labels
  readonly accuracies: Float64Array // of an example: the share of its labels that are the likeliest
  readonly confidences: Float64Array // of an example: the mean probability of what is the likeliest at its labels
  readonly calibration: readonly CalibrationBin[]
}

/** The labels whose prediction has a probability in one of the equal parts of 0 to 1. */
export interface CalibrationBin {
  readonly labels: number
  readonly confidence: number // sum of the probabilities
  readonly right: number // labels that are the likeliest
}

export interface ExampleTally {
  add(batch: MeasuredBatch): void
  figures(): ExampleFigures
}

/** Gathers the figures of batches, with so many bins of probabilities. Memory grows by three numbers an example. */
export function createExampleTally(binCount: number): ExampleTally {
  const losses: number[] = []
  const accuracies: number[] = []
  const confidences: number[] = []
  const total = { lossSum: 0, labels: 0 }
  const bins = Array.from({ length: binCount }, () => ({ labels: 0, confidence: 0, right: 0 }))
  return {
    add({ lossSum, columns, places, labels, predictions, probabilities, logProbabilities }) {
      total.lossSum += lossSum
      total.labels += labels.length
      for (let from = 0; from < places.length; ) {
        const row = Math.floor((places[from] as number) / columns)
        let [to, loss, right, confidence] = [from, 0, 0, 0]
        for (; to < places.length && Math.floor((places[to] as number) / columns) === row; to++) {
          const isRight = predictions[to] === labels[to] ? 1 : 0
          const probability = probabilities[to] as number
          const bin = bins[Math.min(binCount - 1, Math.floor(binCount * probability))]
          if (bin === undefined)
            throw new RangeError(`a probability expected from 0 to 1, got ${probability}`)
          bin.labels++
          bin.confidence += probability
          bin.right += isRight
          loss -= logProbabilities[to] as number
          right += isRight
          confidence += probability
        }
        losses.push(loss / (to - from))
        accuracies.push(right / (to - from))
        confidences.push(confidence / (to - from))
        from = to
      }
    },
    figures: () => ({
      ...total,
      losses: Float64Array.from(losses),
      accuracies: Float64Array.from(accuracies),
      confidences: Float64Array.from(confidences),
      calibration: bins.map((bin) => ({ ...bin })),
    }),
  }
}

/**
 * The expected calibration error: how far the probabilities of predictions are from how often they are right, over bins of like probability, each weighted by
 * its labels (Guo et al. 2017, https://arxiv.org/abs/1706.04599). NaN of no labels.
 */
export function calibrationError(bins: readonly CalibrationBin[]): number {
  const labels = bins.reduce((sum, bin) => sum + bin.labels, 0)
  return bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / labels
}
