import { expect, test } from 'vitest'
import { gpuBytesIn } from './counters.js'
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

test('a process has what the driver says of it on all GPUs together', () => {
  const text = '4711, 1536\n812, 24000\n4711, 20\n'
  expect(gpuBytesIn(text, 4711)).toBe(1556 * 1_048_576)
  expect(gpuBytesIn(text, 812)).toBe(24_000 * 1_048_576)
})

test.each([
  ['no process is named', ''],
  ['another one is', '47110, 1536\n'],
  ['the driver does not say, as on Windows', '4711, [N/A]\n'],
  ['one GPU does not say', '4711, 1536\n4711, [Not Supported]\n'],
  ['the driver failed', 'NVIDIA-SMI has failed because it could not communicate with the driver.\n'],
])('what a process has of GPUs is not known where %s', (_, text) => {
  expect(gpuBytesIn(text, 4711)).toBeNull()
})
