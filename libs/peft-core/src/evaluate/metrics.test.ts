import { expect, test } from 'vitest'
import type { MeasuredBatch } from './measured-batch.js'
import { createMetricsTally } from './metrics.js'

const none = {
  columns: 1,
  logProbabilities: new Float32Array(),
  expectedLogs: new Float32Array(),
  logDeviations: new Float32Array(),
}

const batches: readonly MeasuredBatch[] = [
  {
    lossSum: 5,
    milliseconds: 40,
    rows: 4,
    examples: 4,
    places: Int32Array.of(0, 1, 2, 3),
    labels: Int32Array.of(0, 1, 6, 6),
    predictions: Int32Array.of(0, 6, 6, 1),
    probabilities: Float32Array.of(0.5, 0.4, 0.3, 0.2),
    ranks: Int32Array.of(0, 4, 0, 5),
    ...none,
  },
  {
    lossSum: 1.5,
    milliseconds: 10,
    rows: 4,
    examples: 1,
    places: Int32Array.of(0),
    labels: Int32Array.of(2),
    predictions: Int32Array.of(2),
    probabilities: Float32Array.of(0.9),
    ranks: Int32Array.of(0),
    ...none,
  },
]

function metricsOf(task: 'sequence' | 'causal', classes: number) {
  const tally = createMetricsTally(task)
  for (const batch of batches) tally.add(batch)
  return tally.metrics(classes)
}

test('a classifier is measured over all batches, each label weighing the same', () => {
  const { perClass, ...metrics } = metricsOf('sequence', 7)
  expect(metrics).toEqual({
    loss: 1.3,
    labels: 5,
    examples: 5,
    accuracy: 3 / 5,
    top5Accuracy: 4 / 5,
    macroF1: (1 + 0 + 1 + 1 / 2) / 4, // of the classes 0, 1, 2 and 6
    latency: {
      batch: { p50: 25, p95: expect.closeTo(38.5, 10) },
      row: { p50: 6.25, p95: expect.closeTo(9.625, 10) },
    },
    examplesPerSecond: 100,
  })
  expect(perClass?.map((score) => [score.class, score.support])).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
    [6, 2],
  ])
})

test('a language model has a perplexity and no classes', () => {
  const metrics = metricsOf('causal', 320)
  expect(metrics.perplexity).toBeCloseTo(Math.exp(1.3), 12)
  expect(metrics.accuracy).toBe(0.6)
  expect(metrics).not.toHaveProperty('perClass')
  expect(metrics).not.toHaveProperty('macroF1')
})

test('of five classes or fewer, the five likeliest say nothing', () => {
  expect(metricsOf('sequence', 5)).not.toHaveProperty('top5Accuracy')
})

test('a measurement of nothing is refused', () => {
  expect(() => createMetricsTally('causal').metrics(320)).toThrow('no token counted')
})
