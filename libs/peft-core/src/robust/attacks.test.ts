import { describe, expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import { createRandom } from '../train/random.js'
import { againstMean, freeRide, hiddenShift, littleIsEnough, noiseUpdate, scaledUpdate } from './attacks.js'

const one = (...values: readonly number[]): TensorMap =>
  new Map([['b', { shape: [values.length], data: Float32Array.from(values) }]])
const valuesOf = (update: TensorMap): readonly number[] => [...update.get('b')!.data]

const rows = [
  [0.1, 2],
  [0.3, -1],
  [-0.2, 0.5],
  [0.4, 1.5],
  [0.25, 0],
  [0.15, 0.75],
  [0, -0.5],
  [0.35, 1.25],
]
const honest = rows.map((row) => one(...row))

describe('attacks', () => {
  test('a scaled update has the same direction, or the other one', () => {
    expect(valuesOf(scaledUpdate(one(3, -0.5), 100))).toEqual([300, -50])
    expect(valuesOf(scaledUpdate(one(3, -0.5), -2))).toEqual([-6, 1])
  })

  test('noise is as long as it is told, and the same from the same seed', () => {
    const noise = (seed: number) =>
      noiseUpdate(one(3, -4, 0, 0), { times: 10, random: createRandom(seed, 'noise') })
    expect(Math.hypot(...valuesOf(noise(5)))).toBeCloseTo(50, 4)
    expect(noise(5)).toEqual(noise(5))
    expect(noise(6)).not.toEqual(noise(5))
  })

  test('a little is enough: numpy has the same mean and deviations', () => {
    const [first, second] = valuesOf(littleIsEnough(honest, 1.5))
    expect(first).toBeCloseTo(-0.11171766190596732, 6) // mean - 1.5 std
    expect(second).toBeCloseTo(-0.8746602859458648, 6)
    expect(() => littleIsEnough([one(1)], 1.5)).toThrow('two honest updates or more, got 1')
  })

  test('the shift that hides is that of the paper', () => {
    expect(hiddenShift(50, 24)).toBeCloseTo(1.4260768722728474, 9) // scipy.stats.norm.ppf(24 / 26)
    expect(hiddenShift(11, 5)).toBeCloseTo(0.967421566101701, 9) // 5 / 6
    expect(hiddenShift(10, 2)).toBe(0)
    expect(() => hiddenShift(10, 6)).toThrow('fewer liars than half of the agents, got 6 of 10')
  })

  test('against the mean, and along for the ride', () => {
    const [first, second] = valuesOf(againstMean(honest, 0.5))
    expect(first).toBeCloseTo(-0.084375, 6)
    expect(second).toBeCloseTo(-0.28125, 6)
    expect(() => againstMean([], 2)).toThrow('got none')
    expect(valuesOf(freeRide(one(3, -4)))).toEqual([0, 0])
  })
})
