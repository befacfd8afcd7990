import { expect, test } from 'vitest'
import { addNoise } from './noisy-values.js'
import { randomWords } from './random-words.js'

const COUNT = 70_000 // several turns of the keystream, whatever their length

test('every word is a whole number of 32 bits, and each bit is set half of the time', () => {
  const word = randomWords()
  const words = Array.from({ length: COUNT }, word)
  expect(words.every((one) => Number.isInteger(one) && one >= 0 && one < 2 ** 32)).toBe(true)
  expect(new Set(words).size).toBeGreaterThan(COUNT - 10)
  for (let bit = 0; bit < 32; bit++) {
    const set = words.filter((one) => Math.floor(one / 2 ** bit) % 2 === 1).length
    expect(Math.abs(set - COUNT / 2)).toBeLessThan(6 * Math.sqrt(COUNT / 4))
  }
})

test('noise of the own generator is finite and as wide as asked for, in each part of many values', () => {
  const values = new Float64Array(COUNT)
  addNoise(values, 3)
  expect(values.every(Number.isFinite)).toBe(true)
  for (let start = 0; start < COUNT; start += 7000) {
    const part = values.subarray(start, start + 7000)
    const variance = part.reduce((sum, x) => sum + x * x, 0) / part.length
    expect(Math.abs(variance / 9 - 1)).toBeLessThan(6 * Math.sqrt(2 / part.length))
  }
})
