import { expect, test } from 'vitest'
import { largestOf } from './gpu.js'

test('of several GPUs the one with the most memory counts', () => {
  const text = 'NVIDIA A10, 23028\nNVIDIA H100 80GB HBM3, 81559\nNVIDIA A10, 23028\n'
  expect(largestOf(text)).toEqual({ name: 'NVIDIA H100 80GB HBM3', memoryBytes: 81_559 * 1_048_576 })
})

test('a machine whose driver tells nothing has no GPU', () => {
  expect(largestOf('')).toBeUndefined()
  expect(
    largestOf('NVIDIA-SMI has failed because it could not communicate with the driver.\n'),
  ).toBeUndefined()
  expect(largestOf('NVIDIA A10, [N/A]\n')).toBeUndefined()
})
