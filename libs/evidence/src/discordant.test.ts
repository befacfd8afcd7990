import { expect, test } from 'vitest'
import { holm, mcnemar } from './discordant.js'

test.each([
  [3, 12, 0.03515625],
  [40, 25, 0.08168153394154003],
  [7, 7, 1],
  [0, 6, 0.03125],
  [0, 0, 1],
])('McNemar of %d and %d (SciPy: binomtest)', (champion, candidate, expected) => {
  expect(mcnemar(champion, candidate)).toBeCloseTo(expected, 10)
})

test('Holm, by hand: the least p-value counts five times, and none is below one that comes before it', () => {
  expect(holm([0.01, 0.04, 0.03, 0.005, 0.5])).toEqual(
    [0.04, 0.09, 0.09, 0.025, 0.5].map((p) => expect.closeTo(p, 12)),
  )
  expect(holm([0.9, 0.8])).toEqual([1, 1])
})

test('what is no count and no p-value is refused', () => {
  expect(() => mcnemar(-1, 2)).toThrow('count expected a whole number of at least 0, got -1')
  expect(() => holm([0.2, Number.NaN])).toThrow('p-value expected from 0 to 1, got NaN')
})
