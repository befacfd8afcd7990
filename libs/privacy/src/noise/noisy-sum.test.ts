import { describe, expect, test } from 'vitest'
import { addSteps, openNoisySum, withNoise } from './noisy-sum.js'

const shapes = new Map([
  ['a', [2, 2]],
  ['b', [3]],
])
const update = (a: readonly number[], b: readonly number[]) =>
  new Map([
    ['a', { shape: [2, 2], data: Float32Array.from(a) }],
    ['b', { shape: [3], data: Float32Array.from(b) }],
  ])
const plan = { shapes, clip: 5, noiseMultiplier: 1e-3 }

describe('openNoisySum', () => {
  test('the sum of the updates is there, off by the noise alone', () => {
    const sum = openNoisySum(plan)
    sum.add(update([1, -2, 0.5, 0], [3, 0.25, -1]))
    sum.add(update([2, 1, -0.25, 4], [0, 1.5, 1]))
    const released = sum.close()
    const values = [...(released.get('a') ?? []), ...(released.get('b') ?? [])]
    const expected = [3, -1, 0.25, 4, 3, 1.75, 0]
    for (const [at, value] of values.entries())
      expect(Math.abs(value - (expected[at] as number))).toBeLessThan(9 * 5e-3)
    expect(values).not.toEqual(expected)
  })

  test('the noise has the deviation that was asked for, once, however many updates there are', () => {
    const count = 40_000
    const wide = new Map([['w', [count]]])
    for (const updates of [1, 6]) {
      const sum = openNoisySum({ shapes: wide, clip: 3, noiseMultiplier: 0.7 })
      const one = new Map([['w', { shape: [count], data: new Float32Array(count).fill(2 ** -8) }]])
      for (let turn = 0; turn < updates; turn++) sum.add(one)
      const noise = (sum.close().get('w') as Float64Array).map((value) => value - updates * 2 ** -8)
      const variance = noise.reduce((total, x) => total + x * x, 0) / count
      expect(Math.abs(variance / 2.1 ** 2 - 1)).toBeLessThan(6 * Math.sqrt(2 / count))
    }
  })

  test('values of one update are rounded towards zero, so that its norm does not grow', () => {
    const sums = Float64Array.of(0, 0, 10, -10)
    addSteps(sums, Float32Array.of(0.675, -0.675, 0.2, -0.2), 0.25)
    expect([...sums]).toEqual([2, -2, 10, -10])
    expect(() => addSteps(sums, Float32Array.of(1e30), 0.25)).toThrow('at most 2^53 steps')
  })

  test('NaN, infinity, a norm above the clip and other tensors are refused, and nothing of them is added', () => {
    const sum = openNoisySum(plan)
    expect(() => sum.add(update([Number.NaN, 0, 0, 0], [0, 0, 0]))).toThrow(
      'tensor "a" expected finite numbers',
    )
    expect(() => sum.add(update([0, 0, 0, 0], [0, Number.POSITIVE_INFINITY, 0]))).toThrow('tensor "b"')
    expect(() => sum.add(update([3, 3, 0, 0], [3, 0, 0]))).toThrow('expected a norm of at most 5, got 5.19')
    expect(() => sum.add(new Map([...update([1, 1, 1, 1], [1, 1, 1])].slice(1)))).toThrow(
      'expected the tensors a, b',
    )
    const total = [...(sum.close().get('a') ?? [])].reduce(
      (most, value) => Math.max(most, Math.abs(value)),
      0,
    )
    expect(total).toBeLessThan(9 * 5e-3)
  })

  test('a sum that was made elsewhere gets noise of what one site can have changed it by', () => {
    const count = 40_000
    const sum = Float64Array.from({ length: count }, (_, at) => (at % 64) * 2 ** -20)
    const noise = withNoise(sum, { sensitivity: 3, noiseMultiplier: 0.7 }).map(
      (value, at) => value - sum[at]!,
    )
    const variance = noise.reduce((total, x) => total + x * x, 0) / count
    expect(Math.abs(variance / 2.1 ** 2 - 1)).toBeLessThan(6 * Math.sqrt(2 / count))
    expect(() => withNoise(Float64Array.of(Number.NaN), { sensitivity: 1, noiseMultiplier: 1 })).toThrow(
      'got NaN',
    )
    expect(() => withNoise(sum, { sensitivity: 0, noiseMultiplier: 1 })).toThrow('clip expected')
    expect(() => withNoise(sum, { sensitivity: 1, noiseMultiplier: 0 })).toThrow('noiseMultiplier expected')
  })

  test('noise is drawn once, and a sum without noise is none', () => {
    const sum = openNoisySum(plan)
    sum.close()
    expect(() => sum.close()).toThrow('closed once')
    expect(() => sum.add(update([0, 0, 0, 0], [0, 0, 0]))).toThrow('closed once')
    for (const noiseMultiplier of [0, Number.NaN, -1, Number.POSITIVE_INFINITY])
      expect(() => openNoisySum({ ...plan, noiseMultiplier })).toThrow('noiseMultiplier expected')
    for (const clip of [0, Number.NaN, -2, Number.POSITIVE_INFINITY])
      expect(() => openNoisySum({ ...plan, clip })).toThrow('clip expected')
  })
})
