import { expect, test } from 'vitest'
import { surerShares } from './surer.js'

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

// Largest probabilities of softmax over random logits, two of the others set to known values; numpy: np.mean((known < o) + 0.5 * (known == o)),
// and np.mean([(a > b) + 0.5 * (a == b) for a in known for b in others]) for the AUROC.
const known = [0.78, 0.75, 0.64, 0.56, 0.86, 0.94, 0.72, 0.79, 0.9]
const others = [0.42, 0.56, 0.76, 0.61, 0.78]

test('the share of known examples below each other one is that of numpy, and their mean is 1 - AUROC', () => {
  const shares = surerShares(others, known)
  for (const [at, share] of [0, 0.05555555555555555, 0.4444444444444444, 0.1111111111111111, 0.5].entries())
    expect(shares[at]).toBeCloseTo(share, 12)
  expect(1 - mean(shares)).toBeCloseTo(0.7777777777777778, 12)
})

test('what is told apart has none, what is not has half, and what is mistaken has all', () => {
  expect(surerShares([0.1, 0.2], [0.9, 0.8])).toEqual([0, 0])
  expect(surerShares(Float32Array.of(0.5), Float64Array.of(0.5, 0.5, 0.5))).toEqual([0.5])
  expect(surerShares([0.95], [0.9, 0.8])).toEqual([1])
  expect(() => surerShares([0.5], [])).toThrow('a kind that is known')
})
