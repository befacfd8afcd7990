import { expect, test } from 'vitest'
import { addNoise } from './noisy-values.js'

test('the noise has the deviation that was asked for, and the mean is the value', () => {
  const count = 60_000
  const values = new Float64Array(count).fill(12.5)
  addNoise(values, 0.4)
  const noise = values.map((value) => value - 12.5)
  const mean = noise.reduce((sum, x) => sum + x, 0) / count
  const variance = noise.reduce((sum, x) => sum + x * x, 0) / count
  expect(Math.abs(mean)).toBeLessThan((6 * 0.4) / Math.sqrt(count))
  expect(Math.abs(variance / 0.4 ** 2 - 1)).toBeLessThan(6 * Math.sqrt(2 / count))
})

test('what comes out lies on a grid that depends on the deviation alone', () => {
  const step = (0.75 * (1 + 2 ** -12)) / 2 ** 30
  const values = Float64Array.of(1 / 3, -Math.PI, 1e-12, 0)
  addNoise(values, 0.75)
  for (const value of values) expect(Number.isInteger(Math.round(value / step))).toBe(true)
  for (const value of values) expect(Math.abs(value - step * Math.round(value / step))).toBeLessThan(1e-15)
})

test('no two calls give the same noise', () => {
  const [one, other] = [new Float64Array(4), new Float64Array(4)]
  addNoise(one, 1)
  addNoise(other, 1)
  expect(one).not.toEqual(other)
})

test('no noise, values that are not finite and values beyond the grid are refused, and nothing is changed', () => {
  for (const deviation of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => addNoise(Float64Array.of(1), deviation)).toThrow('deviation expected')
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 1e9]) {
    const values = Float64Array.of(0.5, value)
    expect(() => addNoise(values, 1e-3)).toThrow('value 1 expected')
    expect(values).toEqual(Float64Array.of(0.5, value))
  }
})
