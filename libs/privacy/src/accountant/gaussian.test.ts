import { expect, test } from 'vitest'
import { gaussianEpsilon, gaussianLogDelta, gaussianNoise } from './gaussian.js'
import type { Phase } from './phase.js'

const whole = (noiseMultiplier: number, steps: number): Phase => ({
  ...{ noiseMultiplier, steps },
  ...({ samplingRate: 1, sampling: 'none' } as const),
})

// exact values of algorithms in use elsewhere: TensorFlow Privacy's statement tests, and closed forms
test.each([
  [0.7, 2, 1e-5, 10.1224946],
  [0.35, 2, 1e-5, 24.7160779],
  [1, 5, 1e-6, 12.595],
  [1, 1, 1e-5, 4.37717808],
  [1, 10, 1e-5, 17.85658683],
  [4, 100, 1e-5, 13.20671224],
  [10, 100, 1e-5, 4.37717808],
  [5, 50, 1e-3, 4.84525188],
])('noise %f, %i steps, delta %f: epsilon %f', (noise, steps, delta, epsilon) => {
  expect(Math.abs(gaussianEpsilon([whole(noise, steps)], delta) - epsilon)).toBeLessThan(3e-4)
})

test('steps of unlike noise compose as the sum of their inverse squares', () => {
  // 1/3^2 + 2/6^2 = 1/9 + 1/18 = 1/6
  expect(gaussianEpsilon([whole(3, 1), whole(6, 2)], 1e-6)).toBeCloseTo(
    gaussianEpsilon([whole(Math.sqrt(6), 1)], 1e-6),
    10,
  )
})

test('the noise for an epsilon gives that epsilon back, never more', () => {
  for (const [epsilon, delta, steps] of [
    [0.01, 1e-9, 3],
    [1, 1e-6, 1],
    [7.5, 1e-3, 250],
    [60, 1e-12, 4],
  ] as const) {
    const noise = gaussianNoise(epsilon, delta, steps)
    expect(gaussianEpsilon([whole(noise * (1 + 1e-12), steps)], delta)).toBeLessThanOrEqual(epsilon)
    expect(gaussianEpsilon([whole(noise * (1 - 1e-6), steps)], delta)).toBeGreaterThan(epsilon)
  }
})

test('delta at epsilon 0 is how far two normal distributions can be told apart', () => {
  // 2 Phi(mu / 2) - 1 at mu = 1.2
  expect(Math.exp(gaussianLogDelta(1.2, 0))).toBeCloseTo(0.4514938, 7)
})

test('a delta that the distributions meet anyway needs no epsilon', () => {
  expect(gaussianEpsilon([whole(100, 1)], 0.01)).toBe(0)
})
