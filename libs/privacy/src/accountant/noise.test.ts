import { expect, test } from 'vitest'
import { epsilonOf } from './epsilon.js'
import { noiseFor } from './noise.js'

const steps = (samplingRate: number, count: number, sampling: 'poisson' | 'none' = 'poisson') => ({
  ...{ samplingRate, sampling, steps: count },
})

test.each([
  // Opacus stops within 0.01 of the target: its 1.416 and 1.3562 give 7.99816 and 7.99939
  ['rdp', 0.04, 2250, 1.41579],
  ['rdp', 0.04, 2000, 1.35614],
  // its upper end of an interval of 0.02 is met by 1.34765625 and 1.2915
  ['pld', 0.04, 2000, 1.28998],
] as const)(
  'the noise for epsilon 8 at delta 1e-5 by %s, rate %f, %i steps',
  (accountant, rate, count, noise) => {
    expect(noiseFor(8, 1e-5, [steps(rate, count)], accountant).noiseMultiplier).toBeCloseTo(noise, 4)
  },
)

test('the noise found keeps the promise, and a little less does not', () => {
  for (const [target, delta, phases] of [
    [0.7, 1e-5, [steps(0.02, 60)]],
    [3, 1e-7, [steps(0.3, 5), steps(0.01, 100)]],
    [2, 1e-6, [steps(0.1, 10, 'none')]],
  ] as const) {
    const { noiseMultiplier, ...found } = noiseFor(target, delta, phases)
    const at = (noise: number) =>
      epsilonOf(
        phases.map((phase) => ({ ...phase, noiseMultiplier: noise })),
        delta,
      )
    expect(at(noiseMultiplier)).toEqual(found)
    expect(found.epsilon).toBeLessThanOrEqual(target)
    expect(found.epsilon).toBeGreaterThan(target * (1 - 2e-5))
    expect(at(noiseMultiplier * 0.999).epsilon).toBeGreaterThan(target)
  }
})

test('a target that cannot be met, or is none, is refused', () => {
  for (const epsilon of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => noiseFor(epsilon, 1e-5, [steps(0.1, 10)])).toThrow(
      `epsilon expected a number above 0, got ${epsilon}`,
    )
  expect(() => noiseFor(1, 2, [steps(0.1, 10)])).toThrow('delta expected')
  expect(() => noiseFor(1, 1e-5, [steps(1.5, 10)])).toThrow('samplingRate expected')
})
