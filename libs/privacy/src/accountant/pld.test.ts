import { describe, expect, test } from 'vitest'
import { expected } from './expected.fixture.js'
import { gaussianEpsilon } from './gaussian.js'
import { normalCdf } from './normal.js'
import type { Phase, Sampling } from './phase.js'
import { pldEpsilon } from './pld.js'
import { epsilonOfRdp, rdpCurve } from './rdp.js'

const phase = (
  noiseMultiplier: number,
  samplingRate: number,
  steps: number,
  sampling: Sampling = 'poisson',
): Phase => ({
  ...{ noiseMultiplier, samplingRate, steps, sampling },
})

describe('between the bounds of another accountant, and close to them', () => {
  test.each([...expected.cases, ...expected.mixed])(
    'dp_accounting: $phases at $delta',
    ({ phases, delta, pldLower, pldUpper, rdp }) => {
      const ours = pldEpsilon(phases, delta)
      expect(ours).toBeGreaterThanOrEqual(pldLower)
      expect(ours).toBeLessThan(pldUpper + 1e-3)
      expect(ours).toBeLessThan(rdp)
    },
  )
})

// epsilon from numerical composition (arXiv 2106.02848) with an error of 0.01 and a thousandth of delta: its upper end, which
// is above the truth by just that, so that ours lies below by at most 0.0115
test.each([
  [1.5, 0.04, 2249, 1e-5, 6.777395712],
  [0.8, 0.001, 1000, 1e-6, 0.477771266],
  [1.5, 0.001, 1000, 1e-6, 0.0998206602],
  [2, 0.05, 1000, 1e-6, 4.17279987],
  [1.5, 0.05, 1000, 1e-6, 6.20996925],
  [3, 0.05, 1000, 1e-6, 2.52757433],
  [0.8, 0.05, 100, 1e-6, 6.74105194],
  [2, 0.2, 100, 1e-6, 5.67205561],
  [1.5, 0.001, 20_000, 1e-6, 0.437005109],
  [3, 0.05, 20_000, 1e-6, 13.9611147],
  [2, 0.05, 50_000, 1e-6, 45.2369957],
  [3, 0.001, 50_000, 1e-6, 0.309694161],
])('prv_accountant: noise %f, rate %f, %i steps, delta %f', (noise, rate, steps, delta, upper) => {
  const ours = pldEpsilon([phase(noise, rate, steps)], delta)
  expect(ours).toBeLessThan(upper)
  expect(ours).toBeGreaterThan(upper - 0.0115)
})

test.each([
  [0.7, 0.01, 120, 1e-5, 2.4612381],
  [0.35, 0.01, 120, 1e-5, 18.6977407],
  [1, 0.0064, 782, 1e-6, 1.199],
  [0.5, 0.2, 3, 0.15594, 1],
])(
  'dp_accounting in its own tests: noise %f, rate %f, %i steps, delta %f',
  (noise, rate, steps, delta, reference) => {
    expect(Math.abs(pldEpsilon([phase(noise, rate, steps)], delta) - reference)).toBeLessThan(1e-3)
  },
)

test('without sampling it is just above the exact Gaussian, also for a delta far below what 64 bits can add to 1', () => {
  for (const [noise, steps, delta] of [
    [0.7, 2, 1e-5],
    [5, 50, 1e-3],
    [8, 20, 1e-30],
  ] as const) {
    const phases = [phase(noise, 1, steps)]
    const [exact, ours] = [gaussianEpsilon(phases, delta), pldEpsilon(phases, delta)]
    expect(ours).toBeGreaterThanOrEqual(exact)
    expect(ours).toBeLessThan(exact + 2e-4)
  }
})

test('steps composed one by one are steps composed at once', () => {
  const apart = Array.from({ length: 6 }, () => phase(1.2, 0.1, 5))
  expect(pldEpsilon(apart, 1e-6)).toBeCloseTo(pldEpsilon([phase(1.2, 0.1, 30)], 1e-6), 9)
})

test('the order of phases does not matter', () => {
  const [a, b] = [phase(1.1, 0.02, 300), phase(3, 0.4, 7)]
  expect(pldEpsilon([a, b], 1e-7)).toBeCloseTo(pldEpsilon([b, a], 1e-7), 9)
})

test('sampling that is not Poisson amplifies nothing', () => {
  const exact = gaussianEpsilon([phase(2, 0.01, 10, 'none')], 1e-5)
  expect(exact).toBeCloseTo(gaussianEpsilon([phase(2, 1, 10)], 1e-5), 12)
  expect(pldEpsilon([phase(2, 0.01, 10, 'none')], 1e-5)).toBeGreaterThanOrEqual(exact)
})

test('a delta that covers every chance to take part needs no epsilon', () => {
  expect(pldEpsilon([phase(0.5, 1e-6, 10)], 1e-5)).toBe(0)
})

test('noise that is next to none gives a bound that is large and holds', () => {
  for (const [noise, rate, steps, delta] of [
    [0.01, 0.2, 3, 1e-6],
    [0.1, 1e-4, 900, 1e-9],
  ] as const) {
    const phases = [phase(noise, rate, steps)]
    const ours = pldEpsilon(phases, delta)
    expect(ours).toBeGreaterThan(10)
    expect(ours).toBeLessThanOrEqual(epsilonOfRdp(rdpCurve(phases), delta).epsilon)
  }
})

/** delta of one step at epsilon, in closed form: the mass beyond the noise at which the loss is epsilon, under both distributions. */
function oneStepDelta(sigma: number, q: number, epsilon: number): number {
  const noiseAt = (ratio: number) => sigma ** 2 * Math.log((ratio - 1 + q) / q) + 0.5
  const mixed = (x: number) => (1 - q) * normalCdf(x / sigma) + q * normalCdf((x - 1) / sigma)
  const [right, left] = [noiseAt(Math.exp(epsilon)), noiseAt(Math.exp(-epsilon))]
  const removed = 1 - mixed(right) - Math.exp(epsilon) * normalCdf(-right / sigma)
  const added = Number.isNaN(left) ? 0 : normalCdf(left / sigma) - Math.exp(epsilon) * mixed(left)
  return Math.max(removed, added)
}

test.each([
  [0.5, 0.3, 1e-2],
  [0.9, 0.01, 1e-4],
  [1.7, 0.6, 1e-5],
  [3.3, 0.05, 1e-3],
  [2.1, 0.97, 1e-4],
])(
  'one step of noise %f, rate %f, delta %f: the closed form is met, and hardly exceeded',
  (sigma, q, delta) => {
    const epsilon = pldEpsilon([phase(sigma, q, 1)], delta)
    expect(oneStepDelta(sigma, q, epsilon)).toBeLessThanOrEqual(delta)
    expect(oneStepDelta(sigma, q, epsilon - 3e-4)).toBeGreaterThan(delta)
  },
)
