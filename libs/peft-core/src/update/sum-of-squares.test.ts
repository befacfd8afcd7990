import { expect, test } from 'vitest'
import { createSumOfSquares } from './sum-of-squares.js'

const values = Float32Array.from({ length: 1003 }, (_, index) => ((index * 37) % 101) / 8 - 6)
const bytes = new Uint8Array(values.buffer)
const exact = values.reduce((sum, value) => sum + value * value, 0) // eighths: exact in 64 bits

test('floats that are cut anywhere add up to the same', () => {
  for (const cuts of [[], [1], [3, 5, 6], [17, 18, 19, 40], [16, 32, 4000], [4011]]) {
    const squares = createSumOfSquares()
    const ends = [...cuts, bytes.byteLength]
    for (const [index, end] of ends.entries()) squares.take(bytes.subarray(ends[index - 1] ?? 0, end))
    expect(squares.sum()).toBe(exact)
  }
})

test('floats of the largest size do not overflow, and one that is infinite shows', () => {
  const squares = createSumOfSquares()
  const large = Float32Array.from({ length: 9 }, () => 3e38)
  squares.take(new Uint8Array(large.buffer))
  expect(squares.sum() / (9 * large[0]! ** 2)).toBeCloseTo(1, 12)
  squares.take(new Uint8Array(Float32Array.of(2, Number.NEGATIVE_INFINITY).buffer))
  expect(Number.isFinite(squares.sum())).toBe(false)
})
