import { expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { areaUnderCurve, separation, separationIntervals, truePositiveRate } from './separation.js'

test('the area is that of the Mann-Whitney statistic, ties included', () => {
  const { members, others, auc } = expected.separation
  expect(areaUnderCurve(members, others)).toBeCloseTo(auc, 12)
  expect(areaUnderCurve(others, members)).toBeCloseTo(1 - auc, 12)
})

test('few others may be taken for members, and equals count as others', () => {
  const others = Array.from({ length: 200 }, (_, index) => index) // 199 and 198 may be above at 1%
  const members = [197, 197.5, 198.5, 250]
  expect(truePositiveRate(members, others, 0.01)).toBe(3 / 4)
  expect(truePositiveRate(members, others, 0.001)).toBe(1 / 4) // with 200 others, none may be
  expect(truePositiveRate([197], others, 0.01)).toBe(0)
})

test('the interval holds the value, is narrow for many scores and wide for few', () => {
  let state = 7
  const uniform = (): number => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const scores = (count: number, shift: number) => Array.from({ length: count }, () => uniform() + shift)
  const widths = [20, 800].map((count) => {
    const [members, others] = [scores(count, 0.3), scores(count, 0)]
    const { auc } = separation(members, others)
    const { low, high } = separationIntervals(members, others, { resamples: 200, uniform }).auc
    expect(low).toBeLessThanOrEqual(auc)
    expect(high).toBeGreaterThanOrEqual(auc)
    return high - low
  })
  // The standard error of the area falls with the square root of the count.
  expect((widths[0] as number) / (widths[1] as number)).toBeGreaterThan(3)
})

test('no scores and broken ones are refused', () => {
  expect(() => separation([], [1])).toThrow('members expected one score or more')
  expect(() => separation([1], [Number.NaN])).toThrow('others[0] expected a finite number, got NaN')
})
