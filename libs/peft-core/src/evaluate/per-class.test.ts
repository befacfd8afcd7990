import { expect, test } from 'vitest'
import { createClassCounts, macroF1 } from './per-class.js'

test('the scores of classes are what precision, recall and F1 are defined as', () => {
  const labels = [2, 0, 2, 2, 0, 1, 4, 2]
  const predictions = [2, 1, 2, 0, 0, 1, 1, 3]
  const counts = createClassCounts()
  for (const [at, label] of labels.entries()) counts.add(label, predictions[at] as number)
  // By hand: 3 is predicted and never right, 4 is never predicted, 5 does not occur.
  expect(counts.scores()).toEqual([
    { class: 0, support: 2, predicted: 2, precision: 1 / 2, recall: 1 / 2, f1: 1 / 2 },
    { class: 1, support: 1, predicted: 3, precision: 1 / 3, recall: 1, f1: 1 / 2 },
    { class: 2, support: 4, predicted: 2, precision: 1, recall: 1 / 2, f1: 2 / 3 },
    { class: 3, support: 0, predicted: 1, precision: 0, recall: 0, f1: 0 },
    { class: 4, support: 1, predicted: 0, precision: 0, recall: 0, f1: 0 },
  ])
  expect(macroF1(counts.scores())).toBeCloseTo((1 / 2 + 1 / 2 + 2 / 3) / 5, 14)
})
