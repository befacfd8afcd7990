import { expect, test } from 'vitest'
import { measuredBatch } from './measured-batch.js'

const IGNORED = -100

function batchOf(rows: number, labels: readonly number[], columns = labels.length / rows) {
  const inputIds = new Int32Array(rows * columns)
  return { rows, columns, inputIds, attentionMask: inputIds, labels: Int32Array.from(labels) }
}

/** Position n predicts class 10 n, with a probability of n / 100, and n classes are likelier than its label, whose log probability is -n. */
function measurementOf(positions: number) {
  const predictions = Array.from({ length: positions }, (_, n) => [
    10 * n,
    n / 100,
    n,
    -n,
    -n / 2,
    n / 4,
  ]).flat()
  return { loss: 1.5, milliseconds: 8, predictions: Float32Array.from(predictions) }
}

test('a causal model predicts a label at the position before it', () => {
  const batch = batchOf(2, [3, 4, IGNORED, 5, IGNORED, 7])
  expect(measuredBatch(batch, 'causal', measurementOf(6))).toEqual({
    lossSum: 3,
    milliseconds: 8,
    rows: 2,
    columns: 3,
    examples: 2,
    places: Int32Array.of(1, 5),
    labels: Int32Array.of(4, 7),
    predictions: Int32Array.of(0, 40),
    probabilities: Float32Array.of(0, 0.04),
    ranks: Int32Array.of(0, 4),
    logProbabilities: Float32Array.of(-0, -4),
    expectedLogs: Float32Array.of(-0, -2),
    logDeviations: Float32Array.of(0, 1),
  })
})

test('virtual tokens predict the first label of a row', () => {
  const batch = batchOf(2, [3, 4, 5, IGNORED])
  const { labels, predictions, lossSum } = measuredBatch(batch, 'causal', measurementOf(2 * (3 + 2)))
  expect([...labels]).toEqual([3, 4, 5])
  expect([...predictions]).toEqual([20, 30, 70])
  expect(lossSum).toBe(4.5)
})

test('labels of tokens are predicted in place, also behind virtual tokens', () => {
  const batch = batchOf(2, [IGNORED, 1, 2, IGNORED])
  expect([...measuredBatch(batch, 'token', measurementOf(4)).predictions]).toEqual([10, 20])
  expect([...measuredBatch(batch, 'token', measurementOf(8)).predictions]).toEqual([30, 60])
})

test('a row that only fills up its batch is no example', () => {
  const batch = batchOf(3, [4, 2, IGNORED], 5)
  const { examples, rows, ranks } = measuredBatch(batch, 'sequence', measurementOf(3))
  expect({ examples, rows, ranks: [...ranks] }).toEqual({ examples: 2, rows: 3, ranks: [0, 1] })
})

test('a loss that is no number is refused, unless nothing counts', () => {
  const broken = { ...measurementOf(2), loss: Number.NaN }
  expect(() => measuredBatch(batchOf(2, [1, IGNORED], 3), 'sequence', broken)).toThrow(
    'expected a finite loss',
  )
  expect(measuredBatch(batchOf(2, [IGNORED, IGNORED], 3), 'sequence', broken).lossSum).toBe(0)
})
