import { expect, test } from 'vitest'
import { percentile } from './percentile.js'

test('a percentile lies between its neighbours in proportion, as in numpy', () => {
  const values = [30, 10, 20, 42.5, 11]
  expect([0.5, 0.95, 0.3].map((share) => percentile(values, share))).toEqual([
    20,
    40,
    expect.closeTo(12.8, 12),
  ])
  expect(values).toEqual([30, 10, 20, 42.5, 11])
  expect(percentile([7], 0.95)).toBe(7)
})

test('a percentile of nothing is refused', () => {
  expect(() => percentile([], 0.5)).toThrow('at least one value')
})
