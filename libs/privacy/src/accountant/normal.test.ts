import { expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { logNormalCdf, normalBetween, normalCdf } from './normal.js'

test.each(expected.normal)('log P(Z <= $z) agrees with scipy', ({ z, logCdf }) => {
  expect(Math.abs(logNormalCdf(z) / logCdf - 1)).toBeLessThan(1e-13)
  expect(Math.abs(normalCdf(z) / Math.exp(logCdf) - 1)).toBeLessThan(1e-12)
})

test('where the series and the integral meet there is no step', () => {
  for (const z of [-Math.SQRT1_2, Math.SQRT1_2]) {
    const [below, above] = [normalCdf(z - 1e-12), normalCdf(z + 1e-12)]
    expect((above - below) / 2e-12).toBeCloseTo(0.3106966, 3) // the density there
  }
})

test('a small interval far out keeps its digits', () => {
  // density at 9 is 1.0279773571668917e-18
  expect(normalBetween(9, 9 + 1e-6) / 1e-6 / 1.0279773571668917e-18).toBeCloseTo(1, 5)
  expect(normalBetween(-9 - 1e-6, -9) / 1e-6 / 1.0279773571668917e-18).toBeCloseTo(1, 5)
  expect(normalBetween(-Infinity, Infinity)).toBe(1)
})
