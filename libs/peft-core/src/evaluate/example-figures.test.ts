import { expect, test } from 'vitest'
import { calibrationError, createExampleTally } from './example-figures.js'
import type { MeasuredBatch } from './measured-batch.js'

function batchOf(columns: number, entries: readonly (readonly [number, number, number, number, number])[]) {
  const at = (column: number) => entries.map((entry) => entry[column] as number)
  const logs = Float32Array.from(at(4))
  return {
    columns,
    lossSum: -at(4).reduce((sum, log) => sum + log, 0),
    places: Int32Array.from(at(0)),
    labels: Int32Array.from(at(1)),
    predictions: Int32Array.from(at(2)),
    probabilities: Float32Array.from(at(3)),
    logProbabilities: logs,
  } as unknown as MeasuredBatch
}

test('an example is a row, whose labels count alike, over any number of batches', () => {
  const tally = createExampleTally(10)
  tally.add(
    batchOf(4, [
      [1, 7, 7, 0.75, -0.25], // row 0
      [3, 2, 5, 0.5, -2],
      [9, 4, 4, 1, -0.5], // row 2: row 1 has no label that counts
    ]),
  )
  tally.add(batchOf(2, [[1, 6, 1, 0.0625, -3]]))
  const { losses, accuracies, confidences, lossSum, labels, calibration } = tally.figures()
  expect([...losses]).toEqual([1.125, 0.5, 3])
  expect([...accuracies]).toEqual([0.5, 1, 0])
  expect([...confidences]).toEqual([0.625, 1, 0.0625])
  expect([lossSum, labels]).toEqual([5.75, 4])
  expect(calibration.flatMap((bin, at) => (bin.labels === 0 ? [] : [[at, bin]]))).toEqual([
    [0, { labels: 1, confidence: 0.0625, right: 0 }],
    [5, { labels: 1, confidence: 0.5, right: 0 }],
    [7, { labels: 1, confidence: 0.75, right: 1 }],
    [9, { labels: 1, confidence: 1, right: 1 }],
  ])
})

test('the calibration error weighs each bin by its labels', () => {
  // 100 labels: 60 predicted at .9 of which 45 are right (.15 too sure), 40 at .3 of which 18 are right (.15 not sure enough)
  const bins = [
    { labels: 60, confidence: 54, right: 45 },
    { labels: 40, confidence: 12, right: 18 },
    { labels: 0, confidence: 0, right: 0 },
  ]
  expect(calibrationError(bins)).toBeCloseTo(0.15, 12)
  expect(calibrationError([{ labels: 8, confidence: 6.4, right: 3 }])).toBeCloseTo((6.4 - 3) / 8, 12)
  expect(calibrationError([])).toBeNaN()
})

test('a probability that is none is refused', () => {
  for (const probability of [Number.NaN, -0.5])
    expect(() => createExampleTally(10).add(batchOf(2, [[0, 1, 1, probability, -1]]))).toThrow(
      'a probability expected from 0 to 1',
    )
})
