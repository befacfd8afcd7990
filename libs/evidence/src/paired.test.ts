import { describe, expect, test } from 'vitest'
import { pairedInterval, pairedVerdict, smallestEffect } from './paired.js'
import { seeded } from './random.fixture.js'
import { added, sumsOf, varianceOf } from './sums.js'

const groups = [
  [0.1, -0.2, 0.05, 0.3],
  [0.4, 0.1, 0.25],
  [-0.1, 0, 0.2, 0.15, 0.3],
]

describe('the interval of a paired difference', () => {
  test('is that of a stratified sample, by NumPy and SciPy', () => {
    const found = pairedInterval(groups.map(sumsOf), 0.95)
    expect(found.mean).toBeCloseTo(0.12916666666666668, 12)
    expect(found.low).toBeCloseTo(0.015406132260281813, 9)
    expect(found.high).toBeCloseTo(0.24292720107305155, 9)
    expect([found.count, found.standardError]).toEqual([12, expect.closeTo(0.0502885194173102, 12)])
  })

  test('holds the true difference as often as it says, whatever the levels of the groups are', () => {
    const { normal } = seeded(11)
    const levels = [0.5, -1, 2, 0.1]
    const truth = levels.reduce((sum, level, at) => sum + level * (3 + at), 0) / 18
    let held = 0
    for (let trial = 0; trial < 2000; trial++) {
      const drawn = levels.map((level, at) =>
        sumsOf(Array.from({ length: 3 + at }, () => level + (1 + at) * normal())),
      )
      const { low, high } = pairedInterval(drawn, 0.9)
      if (low <= truth && truth <= high) held++
    }
    expect(held / 2000).toBeGreaterThan(0.87)
    expect(held / 2000).toBeLessThan(0.93)
  })

  test('of groups of one example is that of all of them, and of one beside others as wide as those', () => {
    const values = [0.3, 0.1, 0.6]
    const apart = pairedInterval(
      values.map((value) => sumsOf([value])),
      0.9,
    )
    expect(apart.standardError).toBeCloseTo(Math.sqrt(varianceOf(sumsOf(values)) / 3), 12)
    const mixed = pairedInterval([sumsOf([0.2, 0.4]), sumsOf([5])], 0.9)
    expect(mixed.standardError).toBeCloseTo(Math.sqrt((3 * 0.02) / 9), 12)
  })

  test('is refused for what is no sum of real values', () => {
    expect(() => pairedInterval([sumsOf([1])], 0.9)).toThrow('expected at least 2 examples, got 1')
    expect(() => pairedInterval([{ count: 3, sum: Number.NaN, sumOfSquares: 1 }], 0.9)).toThrow(
      'group 1: sum expected a finite number, got NaN',
    )
    expect(() => pairedInterval([{ count: 4, sum: 8, sumOfSquares: 15 }], 0.9)).toThrow(
      /sum of squares expected/,
    )
    expect(() => pairedInterval(groups.map(sumsOf), 1)).toThrow('confidence expected between 0 and 1, got 1')
  })
})

test('sums of parts are those of all values', () => {
  const all = groups.flat()
  const whole = added(groups.map(sumsOf))
  expect(whole.count).toBe(12)
  expect(whole.sum).toBeCloseTo(1.55, 12)
  expect(varianceOf(whole)).toBeCloseTo(varianceOf(sumsOf(all)), 12)
  expect(varianceOf(sumsOf([2, 4, 9]))).toBeCloseTo(13, 12)
})

test('the smallest effect that is found', () => {
  // 1.959964 + 0.841621 standard errors for 95 % and a power of 80 %
  expect(smallestEffect(0.1, 0.95, 0.8)).toBeCloseTo(0.28016, 4)
})

test.each([
  [0.01, 0.04, 0.05, 'pass'],
  [-0.3, -0.1, 0, 'pass'],
  [0.01, 0.09, 0.05, 'fail'],
  [-0.02, 0.09, 0.05, 'inconclusive'],
  [Number.NaN, Number.NaN, 0.05, 'inconclusive'],
])('an interval from %d to %d with a margin of %d: %4$s', (low, high, margin, expected) => {
  expect(pairedVerdict({ low, high, mean: (low + high) / 2, standardError: 1, count: 9 }, margin)).toBe(
    expected,
  )
})
