import { expect, test } from 'vitest'
import { scheduleFactor } from './schedule.js'

// get_*_schedule_with_warmup of transformers 5.18: 3 warm-up steps of 10; the value that each step is made with.
const run = { warmupSteps: 3, totalSteps: 10, firstStep: 0 }
const steps = Array.from({ length: 11 }, (_, step) => step)
const golden = {
  constant: [0, 0.3333333333, 0.6666666667, 1, 1, 1, 1, 1, 1, 1, 1],
  linear: [
    0, 0.3333333333, 0.6666666667, 1, 0.8571428571, 0.7142857143, 0.5714285714, 0.4285714286, 0.2857142857,
    0.1428571429, 0,
  ],
  cosine: [
    0, 0.3333333333, 0.6666666667, 1, 0.9504844339, 0.8117449009, 0.611260467, 0.388739533, 0.1882550991,
    0.049515566, 0,
  ],
} as const

test.each(['constant', 'linear', 'cosine'] as const)(
  'the %s schedule has the values of transformers',
  (kind) => {
    for (const step of steps)
      expect(scheduleFactor({ kind, ...run }, step)).toBeCloseTo(golden[kind][step] as number, 9)
  },
)

test('a round in the middle of a run continues where the last one ended', () => {
  for (const step of [0, 1, 2, 3]) {
    expect(scheduleFactor({ kind: 'cosine', ...run, firstStep: 4 }, step)).toBeCloseTo(
      golden.cosine[step + 4] as number,
      9,
    )
  }
})

test('steps beyond the run stay at the end of the fall', () => {
  expect(scheduleFactor({ kind: 'cosine', ...run }, 14)).toBe(0)
  expect(scheduleFactor({ kind: 'linear', ...run }, 14)).toBe(0)
})
