/**
 * What is said of a model after it was measured on some data.
 * @module
 */
import type { Task } from '../source/task.js'
import type { MeasuredBatch } from './measured-batch.js'
import { type ClassScore, createClassCounts, macroF1 } from './per-class.js'
import { percentile } from './percentile.js'

export interface Metrics {
  /** Mean nats over the labels that count. */
  readonly loss: number
  /** Labels that count: tokens of language models, words or rows of classifiers. */
  readonly labels: number
  /** Rows: windows of text, examples or images. */
  readonly examples: number
  /** The share of labels that are the likeliest class or token. */
  readonly accuracy: number
  /** The share of labels among the five likeliest, where there are more than five classes. */
  readonly top5Accuracy?: number
  /** Only of language models, of the next token or of hidden words: the exponential of the loss. */
  readonly perplexity?: number
  /** Only of classifiers: the mean F1 over the classes that occur as a label or a prediction. */
  readonly macroF1?: number
  readonly perClass?: readonly ClassScore[]
  /** How long the model runs, in milliseconds; of a row, the batch's time divided by its rows. */
  readonly latency: { readonly batch: Latency; readonly row: Latency }
  /** Rows in a second of the model's own time. */
  readonly examplesPerSecond: number
}

export interface Latency {
  readonly p50: number
  readonly p95: number
}

export interface MetricsTally {
  add(batch: MeasuredBatch): void
  /** The metrics of a model with so many classes. RangeError when no label counted. */
  metrics(classes: number): Metrics
}

const TOP = 5

/** Gathers the metrics of batches. Memory grows by two numbers a batch. */
export function createMetricsTally(task: Task): MetricsTally {
  const isClassifier = task !== 'causal' && task !== 'masked'
  const counts = createClassCounts()
  const sum = { loss: 0, labels: 0, examples: 0, right: 0, top: 0, milliseconds: 0 }
  const batchTimes: number[] = []
  const rowTimes: number[] = []
  return {
    add({ lossSum, milliseconds, rows, examples, labels, predictions, ranks }) {
      sum.loss += lossSum
      sum.labels += labels.length
      sum.examples += examples
      sum.milliseconds += milliseconds
      batchTimes.push(milliseconds)
      rowTimes.push(milliseconds / rows)
      for (const [at, label] of labels.entries()) {
        const prediction = predictions[at] as number
        if (prediction === label) sum.right++
        if ((ranks[at] as number) < TOP) sum.top++
        if (isClassifier) counts.add(label, prediction)
      }
    },
    metrics(classes) {
      if (sum.labels === 0) throw new RangeError('no token counted; give text that is longer than one token')
      const loss = sum.loss / sum.labels
      const perClass = counts.scores()
      return {
        loss,
        labels: sum.labels,
        examples: sum.examples,
        accuracy: sum.right / sum.labels,
        ...(classes > TOP ? { top5Accuracy: sum.top / sum.labels } : {}),
        ...(isClassifier ? { macroF1: macroF1(perClass), perClass } : { perplexity: Math.exp(loss) }),
        latency: { batch: latencyOf(batchTimes), row: latencyOf(rowTimes) },
        examplesPerSecond: (1000 * sum.examples) / sum.milliseconds,
      }
    },
  }
}

const latencyOf = (times: readonly number[]): Latency => ({
  p50: percentile(times, 0.5),
  p95: percentile(times, 0.95),
})
