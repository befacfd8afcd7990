import { expect, test } from 'vitest'
import { incompleteBeta, logBeta, logGamma, studentCdf, studentQuantile } from './student.js'

// SciPy 1.x: stats.t.ppf, special.betainc, special.gammaln

test.each([
  [0.975, 3, 3.1824463052837078],
  [0.9, 1, 3.0776835371752544],
  [0.995, 17.5, 2.8880229797364643],
  [0.2, 6, -0.9057032851805314],
  [0.975, 1e6, 1.959966356814107],
])('the quantile of %d with %d degrees of freedom', (probability, freedom, expected) => {
  const found = studentQuantile(probability, freedom)
  expect(found).toBeCloseTo(expected, 9)
  expect(studentCdf(found, freedom)).toBeCloseTo(probability, 11)
})

test.each([
  [0.3, 2.5, 4, 0.3521975859067672],
  [0.97, 0.5, 0.5, 0.8891753133955407],
  [0.5, 1000, 1010, 0.588269827543728],
])('the incomplete beta function at %d of (%d, %d)', (x, a, b, expected) => {
  expect(incompleteBeta(x, a, b)).toBeCloseTo(expected, 10)
  expect(incompleteBeta(1 - x, b, a)).toBeCloseTo(1 - expected, 10)
})

test('the incomplete beta function keeps its digits where it is small', () => {
  expect(incompleteBeta(0.02, 30, 2) / 3.2641751449600023e-50).toBeCloseTo(1, 10)
})

test.each([
  [0.1, 2.252712651734206],
  [1.5, -0.12078223763524526],
  [7, Math.log(720)],
  [123.4, 469.3360974421906],
])('log Gamma(%d)', (x, expected) => {
  expect(logGamma(x)).toBeCloseTo(expected, 11)
})

test('log B(2, 3) is log(1/12)', () => expect(logBeta(2, 3)).toBeCloseTo(-Math.log(12), 12))

test('quantiles of nothing are refused', () => {
  expect(() => studentQuantile(1, 3)).toThrow('probability expected between 0 and 1, got 1')
  expect(() => studentQuantile(0.5, 0)).toThrow('degrees of freedom expected above 0, got 0')
})
