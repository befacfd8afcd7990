import { expect, test } from 'vitest'
import { createRandom } from '../train/random.js'
import { createFold, MOST_TERMS } from './fold.js'
import { foldModule, WebAssembly } from './fold-module.js'

const random = createRandom(3, 'fold')
const drawn = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => (random.uniform() - 0.5) * 2 ** (random.below(60) - 30))

test('the module is valid, so that it is used', () => {
  expect(WebAssembly.validate(foldModule())).toBe(true)
})

test.each([1, 2, 3, 4])(
  '%i terms are added as JavaScript adds them, to the bit, in blocks of any length',
  (terms) => {
    for (const count of [1, 7, 8, 9, 64, 1003]) {
      const [fold, plain] = [createFold(1003, 2), createFold(1003, 2, true)]
      fold.sum.fill(-3.7) // which is not to be seen in what follows
      for (const [turn, set] of [1, 0, 1].entries()) {
        const shares = Array.from({ length: terms }, () => random.uniform() / 3)
        for (let term = 0; term < MOST_TERMS; term++) {
          const values = drawn(1003)
          fold.buffers[set]![term]!.set(values)
          plain.buffers[set]![term]!.set(values)
        }
        plain.add(set, count, shares)
        if (turn === 0) fold.begin(set, count, shares)
        else fold.add(set, count, shares)
      }
      expect(fold.sum.slice(0, count)).toEqual(plain.sum.slice(0, count))
      expect(plain.sum.slice(0, count).some((value) => value !== Math.fround(value))).toBe(true)
      expect(fold.rounded(count)).toEqual(plain.rounded(count))
      expect(fold.rounded(count).values).toEqual(Float32Array.from(plain.sum.subarray(0, count)))
    }
  },
)

test('terms are added one after the other: of 2^60, 1, -2^60 and 1 only the last 1 is left', () => {
  const fold = createFold(1, 1)
  const values = [2 ** 60, 1, -(2 ** 60), 1]
  for (const [at, value] of values.entries()) fold.buffers[0]![at]![0] = value
  fold.add(0, 1, [1, 1, 1, 1])
  expect(fold.sum[0]).toBe(1)
  expect(() => fold.add(0, 1, [])).toThrow(`shares expected 1 to ${MOST_TERMS}, got 0`)
})

test.each([false, true])('a sum that float32 cannot hold is seen wherever it is (plain: %s)', (plain) => {
  for (const at of [0, 1, 6, 10]) {
    const fold = createFold(11, 1, plain)
    fold.sum.set([1.5, -2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(fold.rounded(11).fits).toBe(true)
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 3.5e38]) {
      fold.sum[at] = value
      expect(fold.rounded(11).fits).toBe(false)
      expect(fold.rounded(at).fits).toBe(true)
      fold.sum[at] = at
    }
  }
})
