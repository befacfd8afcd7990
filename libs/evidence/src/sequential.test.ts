import { describe, expect, test } from 'vitest'
import { seeded } from './random.fixture.js'
import { lookAt, lookAtPairs, type SequentialPlan } from './sequential.js'
import { type Sums, sumsOf } from './sums.js'

const plan: SequentialPlan = { alpha: 0.05, effect: 0.1, leastCount: 100 }

/** The number of pairs at which something is first said, looking after each tenth one; undefined: never. */
function firstAlarm(draw: () => number, pairs: number, isAlarm: (sums: Sums) => boolean): number | undefined {
  let [count, sum, sumOfSquares] = [0, 0, 0]
  while (count < pairs) {
    for (let next = 0; next < 10; next++) {
      const value = draw()
      count++
      sum += value
      sumOfSquares += value * value
    }
    if (isAlarm({ count, sum, sumOfSquares })) return count
  }
  return undefined
}

const isFound = (sums: Sums): boolean => {
  const { low, high } = lookAtPairs(sums, plan)
  return low > 0 || high < 0
}

describe('a comparison that is looked at again and again', () => {
  test('is the formula: variance 0.004, effect 0.1, difference 0.21', () => {
    const count = 1000
    const deviation = Math.sqrt(0.004 * count)
    // values 0.21 +- e with the sample variance 4
    const e = deviation * Math.sqrt((count - 1) / count)
    const sums = { count, sum: 0.21 * count, sumOfSquares: count * (0.21 ** 2 + e ** 2) }
    const look = lookAtPairs(sums, plan)
    expect(look.pValue).toBeCloseTo(0.0364753526719499, 9)
    expect(look.high - look.low).toBeCloseTo(2 * 0.2014141854174595, 9)
    expect(look.difference).toBeCloseTo(0.21, 12)
  })

  test('raises no more false alarms than it says, where a fixed test raises many', () => {
    const { normal } = seeded(3)
    const naive = ({ count, sum, sumOfSquares }: Sums): boolean =>
      count >= plan.leastCount && Math.abs(sum) > 1.96 * Math.sqrt(sumOfSquares)
    const trials = 400
    const alarms = (isAlarm: (sums: Sums) => boolean): number =>
      Array.from({ length: trials }, () => firstAlarm(normal, 3000, isAlarm)).filter((at) => at !== undefined)
        .length
    expect(alarms(isFound) / trials).toBeLessThan(0.06)
    expect(alarms(naive) / trials).toBeGreaterThan(0.25)
  })

  test('finds a tenth of a standard deviation in every trial, most often within 1200 pairs', () => {
    const { normal } = seeded(4)
    const found = Array.from({ length: 200 }, () => firstAlarm(() => 0.1 + normal(), 6000, isFound))
    expect(found.every((at) => at !== undefined)).toBe(true)
    const median = found.toSorted((one, other) => (one as number) - (other as number))[100] as number
    expect(median).toBeGreaterThan(400)
    expect(median).toBeLessThan(1200)
  })

  test('of two arms says nothing too early, and tells which one is worse', () => {
    const { normal } = seeded(5)
    const arm = (count: number, mean: number) => sumsOf(Array.from({ length: count }, () => mean + normal()))
    const early = lookAt(arm(5000, 0), arm(99, 3), plan)
    expect([early.low, early.high, early.pValue]).toEqual([-Infinity, Infinity, 1])
    const late = lookAt(arm(20_000, 1), arm(2000, 1.3), plan)
    expect(late.low).toBeGreaterThan(0.1)
    expect(late.high).toBeLessThan(0.5)
    expect(late.pValue).toBeLessThan(1e-6)
    const same = lookAt(arm(20_000, 1), arm(2000, 1), plan)
    expect(same.low).toBeLessThan(0)
    expect(same.high).toBeGreaterThan(0)
  })

  test('of constant values is certain', () => {
    const still = { ...plan, leastCount: 0 }
    expect(lookAtPairs(sumsOf([0, 0, 0]), still)).toEqual({ difference: 0, low: 0, high: 0, pValue: 1 })
    expect(lookAtPairs(sumsOf([0.5, 0.5]), still).pValue).toBe(0)
  })

  test('is refused for a plan that is none', () => {
    expect(() => lookAtPairs(sumsOf([1, 2]), { ...plan, alpha: 0 })).toThrow(
      'alpha expected between 0 and 1, got 0',
    )
    expect(() => lookAtPairs(sumsOf([1, 2]), { ...plan, effect: 0 })).toThrow(
      'effect expected above 0, got 0',
    )
    expect(() => lookAt(sumsOf([1]), { count: 2, sum: Infinity, sumOfSquares: 1 }, plan)).toThrow(
      /candidate: sum/,
    )
  })
})
