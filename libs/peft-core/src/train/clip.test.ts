import { expect, test } from 'vitest'
import { clipGradients } from './clip.js'

// torch.nn.utils.clip_grad_norm_([a, c], 2.0), PyTorch 2.13
test('gradients above the limit are scaled together, as PyTorch does it', () => {
  const a = Float32Array.of(3, -4)
  const c = Float32Array.of(1, 2)
  expect(clipGradients([a, c], 2)).toBeCloseTo(5.477225780487061, 6)
  expect(Array.from(a)).toEqual([1.095444917678833, -1.4605932235717773])
  expect(c[0]).toBeCloseTo(0.36514830589294434, 6)
  expect(c[1]).toBeCloseTo(0.7302966117858887, 6)
})

test('gradients below the limit stay as they are', () => {
  const a = Float32Array.of(0.3, -0.4)
  const c = Float32Array.of(0.1, 0.2)
  expect(clipGradients([a, c], 2)).toBeCloseTo(0.547722578048706, 6)
  expect([...a, ...c]).toEqual([...Float32Array.of(0.3, -0.4, 0.1, 0.2)])
})

test('the norm of a gradient that is not finite is not finite', () => {
  expect(clipGradients([Float32Array.of(1, Number.NaN)], 2)).toBeNaN()
  expect(clipGradients([Float32Array.of(1, Number.POSITIVE_INFINITY)], 2)).toBe(Number.POSITIVE_INFINITY)
})
