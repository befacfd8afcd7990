import { expect, test } from 'vitest'
import { clip, jointNorm, type Tensor } from './clip.js'

const tensor = (shape: readonly number[], ...values: number[]): Tensor => ({
  shape,
  data: new Float32Array(values),
})
// 2^2 + 3^2 + 6^2 = 49
const update = new Map([
  ['a', tensor([1, 2], 2, -3)],
  ['b', tensor([1], 6)],
])

test('an update above the bound is scaled to it over all tensors jointly', () => {
  const { tensors, norm, factor } = clip(update, 3.5)
  expect(norm).toBe(7)
  expect(factor).toBe(0.5)
  expect([...tensors.get('a')!.data]).toEqual([1, -1.5])
  expect([...tensors.get('b')!.data]).toEqual([3])
  expect(tensors.get('a')!.shape).toEqual([1, 2])
})

test('an update within the bound is handed on as it is', () => {
  expect(clip(update, 7)).toEqual({ tensors: update, norm: 7, factor: 1 })
  expect(clip(update, 7).tensors).toBe(update)
})

test('without a bound only the norm is measured', () => {
  expect(clip(update, null)).toEqual({ tensors: update, norm: 7, factor: 1 })
})

test('an update of zeros passes', () => {
  const zeros = new Map([['a', tensor([3], 0, 0, 0)]])
  expect(clip(zeros, 2)).toEqual({ tensors: zeros, norm: 0, factor: 1 })
})

test('the clipped norm never exceeds the bound after rounding to 32 bits', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const values = Array.from({ length: 37 }, (_, index) => Math.sin(seed * 12.9898 + index * 78.233) * seed)
    const maxNorm = 0.1 + (seed % 7) / 3
    const { tensors } = clip(new Map([['a', tensor([37], ...values)]]), maxNorm)
    expect(jointNorm(tensors)).toBeLessThanOrEqual(maxNorm)
    expect(jointNorm(tensors)).toBeGreaterThan(maxNorm * (1 - 1e-5))
  }
})

test('a value that is not finite is refused with the tensor and the element', () => {
  expect(() => clip(new Map([['up', tensor([3], 1, Number.NaN, 2)]]), 5)).toThrow(
    'tensor "up" expected finite numbers, got NaN at element 1',
  )
  expect(() => clip(new Map([['up', tensor([2], 4, Number.NEGATIVE_INFINITY)]]), null)).toThrow(
    'got -Infinity at element 1',
  )
})

test('a bound that is not above zero is refused', () => {
  expect(() => clip(update, 0)).toThrow('maxNorm expected a number above 0, got 0')
  expect(() => clip(update, Number.NaN)).toThrow(RangeError)
})
