import { expect, test } from 'vitest'
import { comparisonOf } from './comparison.js'

const bin = (labels: number, confidence: number, right: number) => ({ labels, confidence, right })
const now = {
  ...{ lossSum: 9.5, labels: 6 },
  losses: Float64Array.of(1.5, 2, 0.25),
  accuracies: Float64Array.of(0.5, 0, 1),
  confidences: Float64Array.of(0.5, 0.25, 0.75),
  calibration: [bin(4, 1.5, 2), bin(2, 1.75, 1)],
}
const before = {
  ...{ lossSum: 10.25, labels: 6 },
  losses: Float64Array.of(2, 1.75, 0.75),
  accuracies: Float64Array.of(0.25, 0.5, 1),
  confidences: Float64Array.of(0.5, 0.25, 0.75),
  calibration: [bin(5, 2, 2), bin(1, 0.75, 1)],
}

test('differences are of the same example, and more of them is worse', () => {
  expect(comparisonOf(now, before)).toEqual({
    adapter: { right: 3, calibration: now.calibration },
    against: { right: 3, calibration: before.calibration },
    againstLossSum: 10.25,
    loss: { count: 3, sum: -0.75, sumOfSquares: 0.5625 }, // -.5, .25, -.5
    accuracy: { count: 3, sum: 0.25, sumOfSquares: 0.3125 }, // -.25, .5, 0
  })
})

test('other examples cannot be compared', () => {
  const fewer = { ...before, losses: before.losses.slice(1) }
  expect(() => comparisonOf(now, fewer)).toThrow(
    'expected the same examples, got 3 with 6 labels and 2 with 6',
  )
  expect(() => comparisonOf(now, { ...before, labels: 5 })).toThrow('got 3 with 6 labels and 3 with 5')
})
