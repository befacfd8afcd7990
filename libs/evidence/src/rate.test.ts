import { expect, test } from 'vitest'
import { seeded } from './random.fixture.js'
import { rateInterval } from './rate.js'

// SciPy: brentq on betaln(1 + s, 1 + f) - s log p - f log(1 - p) = log(1 / alpha)
test.each([
  [7, 200, 0.05, 0.006228776271470819, 0.10208554581565062],
  [30, 60, 0.01, 0.28024988096929127, 0.7197501190307087],
  [0, 50, 0.05, 0, 0.12938128909151547],
  [50, 50, 0.05, 1 - 0.12938128909151547, 1],
  [0, 0, 0.05, 0, 1],
])('%d events in %d cases, alpha %d', (events, cases, alpha, low, high) => {
  const found = rateInterval(events, cases, alpha)
  expect([found.low, found.high]).toEqual([expect.closeTo(low, 9), expect.closeTo(high, 9)])
})

test('holds the true rate at all looks together', () => {
  const { uniform } = seeded(8)
  const trials = 400
  let lost = 0
  for (let trial = 0; trial < trials; trial++) {
    let events = 0
    for (let cases = 1; cases <= 400; cases++) {
      if (uniform() < 0.05) events++
      if (cases % 4 !== 0) continue
      const { low, high } = rateInterval(events, cases, 0.1)
      if (low > 0.05 || high < 0.05) {
        lost++
        break
      }
    }
  }
  expect(lost / trials).toBeLessThan(0.1)
})

test('counts that are none are refused', () => {
  expect(() => rateInterval(3, 2, 0.05)).toThrow(
    'events expected a whole number from 0 to the 2 cases, got 3',
  )
  expect(() => rateInterval(1, 2, 1)).toThrow('alpha expected between 0 and 1, got 1')
})
