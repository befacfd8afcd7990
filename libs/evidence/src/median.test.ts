import { expect, test } from 'vitest'
import { medianInterval } from './median.js'
import { seeded } from './random.fixture.js'

test('lies between two of the values, by how often so many fall on one side', () => {
  const values = [9.5, 1, 4, 2.5, 8, 3, 7, 5, 6, 30]
  // P(at most 1 of 10 coins) = 11/1024 = 1.07 %, at most 2: 5.47 %
  expect(medianInterval(values, 0.95)).toEqual({ median: 5.5, low: 2.5, high: 9.5, count: 10 })
  expect(medianInterval(values, 0.89)).toMatchObject({ low: 3, high: 8 })
  expect(medianInterval([4, 1, 2.5], 0.9)).toEqual({
    median: 2.5,
    low: Number.NEGATIVE_INFINITY,
    high: Number.POSITIVE_INFINITY,
    count: 3,
  })
})

test('holds the true median as often as it says, of a lopsided distribution too', () => {
  const random = seeded(5)
  let held = 0
  for (let trial = 0; trial < 4000; trial++) {
    const values = Array.from({ length: 24 }, () => -Math.log(1 - random.uniform())) // median ln 2
    const { low, high } = medianInterval(values, 0.95)
    if (low <= Math.LN2 && Math.LN2 <= high) held++
  }
  expect(held / 4000).toBeGreaterThan(0.95)
  expect(held / 4000).toBeLessThan(0.985)
})

test.each([
  [[], 0.9, 'expected values, got none'],
  [[1, Number.NaN], 0.9, 'got NaN'],
  [[1, 2], 1, 'got 1'],
])('refuses %j with confidence %d', (values, confidence, message) => {
  expect(() => medianInterval(values, confidence)).toThrow(message)
})
