import { expect, test } from 'vitest'
import { wholePart } from './whole-part.js'

/** floor(2^96 (sum to k of exp(-j^2 / 2)) / (sum of all)) in three words: decimal of Python, 120 digits. */
const EDGES: readonly (readonly [number, readonly [number, number, number]])[] = [
  [0, [0x92025b19, 0x482ce72b, 0xd40241fe]],
  [1, [0xea917985, 0x47a0ef93, 0xd55d4ff9]],
  [2, [0xfe5415c6, 0xe9da4bae, 0xeabab39c]],
  [5, [0xffffffda, 0xa2d72344, 0xf06d574f]],
  [8, [0xffffffff, 0xffffffe4, 0xe341e1b0]],
]

/** A source that gives these words and no more. */
function saying(...words: readonly number[]): () => number {
  let next = 0
  return () => {
    const word = words[next++]
    if (word === undefined) throw new Error(`a word more than the ${words.length} that decide`)
    return word
  }
}

test.each(EDGES)(
  'a uniform number on either side of the sum up to %i is told apart by as many words as it takes',
  (k, [first, second, third]) => {
    expect(wholePart(saying(first, second - 1))).toBe(k)
    expect(wholePart(saying(first, second + 1))).toBe(k + 1)
    expect(wholePart(saying(first, second, third - 1))).toBe(k)
    expect(wholePart(saying(first, second, third + 1))).toBe(k + 1)
  },
)

test('the first word alone decides where it can', () => {
  expect(wholePart(saying(0))).toBe(0)
  expect(wholePart(saying(0x80000000))).toBe(0)
  expect(wholePart(saying(0x9203f7f0))).toBe(1)
  expect(wholePart(saying(0xffff0000))).toBe(4)
})

test('the last words are of the tail', () => {
  const most = 0xffffffff
  expect(wholePart(saying(most, most, 0))).toBe(9)
  expect(wholePart(saying(most, most, most, 0))).toBe(11)
})
