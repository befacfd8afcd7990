import { expect, test } from 'vitest'
import { repetitionRate } from './repetition.js'

test('counts the runs of four tokens that a text had before', () => {
  // 1234 2341 3412 4123 1234 2341 3412 4125 1256: nine runs, three of them for the second time
  expect(repetitionRate([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 5, 6])).toBeCloseTo(3 / 9, 12)
  expect(repetitionRate([7, 7, 7, 7, 7, 7, 7])).toBe(0.75)
  expect(repetitionRate([12, 3, 1, 23, 1, 2, 31, 23])).toBe(0) // 12 3 1 23 is not 1 23 1 23
  expect(repetitionRate([5, 5, 5])).toBe(0)
  expect(repetitionRate([5, 6, 5, 6, 5, 6], 2)).toBeCloseTo(3 / 5, 12)
})
