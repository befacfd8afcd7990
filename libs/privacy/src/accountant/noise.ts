/**
 * The least noise that keeps a promise.
 * @module
 */
import { type Accountant, type Epsilon, epsilonOf } from './epsilon.js'
import { gaussianNoise } from './gaussian.js'
import {
  checkDelta,
  checkPhases,
  countedRate,
  deltaLeft,
  LEAST_NOISE,
  MOST_NOISE,
  type Phase,
} from './phase.js'

/** What is known of a phase before its noise is. */
export type NoiselessPhase = Omit<Phase, 'noiseMultiplier'>

export interface Noise extends Epsilon {
  /** The least found for all phases, with which `epsilon` is at most what was asked for. */
  readonly noiseMultiplier: number
}

/** How far below the target an epsilon may end, relative to it. */
const TOLERANCE = 1e-5
/** How fast noise falls while a bracket is sought from above. */
const FALL = 0.7

/**
 * The smallest noise multiplier with which all phases together meet `epsilon` at `delta` by the bound of
 * `accountant`, or by the smallest that holds. Throws RangeError for what cannot be accounted for, and when no noise is enough.
 */
export function noiseFor(
  epsilon: number,
  delta: number,
  phases: readonly NoiselessPhase[],
  accountant?: Accountant,
): Noise {
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw new RangeError(`epsilon expected a number above 0, got ${epsilon}`)
  checkDelta(delta)
  checkPhases(phases.map((phase) => ({ ...phase, noiseMultiplier: 1 })))
  const at = (noiseMultiplier: number): Noise => ({
    noiseMultiplier,
    ...epsilonOf(
      phases.map((phase) => ({ ...phase, noiseMultiplier })),
      delta,
      accountant,
    ),
  })
  if (accountant !== 'rdp' && accountant !== 'pld' && phases.every((phase) => countedRate(phase) === 1)) {
    const steps = phases.reduce((sum, phase) => sum + phase.steps, 0)
    const left = deltaLeft(delta, epsilon, phases)
    if (!(left >= delta / 2))
      throw new RangeError(`delta expected enough for noise that is nearly Gaussian, got ${delta}`)
    return at(gaussianNoise(epsilon, left, steps) * (1 + 1e-12))
  }
  const start = at(accountant === 'rdp' ? 1 : noiseFor(epsilon, delta, phases, 'rdp').noiseMultiplier)
  let [low, high] = [start, start]
  while (high.epsilon > epsilon) {
    if (high.noiseMultiplier >= MOST_NOISE)
      throw new RangeError(`epsilon expected one that a noise of at most ${MOST_NOISE} meets, got ${epsilon}`)
    low = high
    high = at(Math.min(MOST_NOISE, high.noiseMultiplier * 2))
  }
  while (low.epsilon <= epsilon) {
    if (low.noiseMultiplier <= LEAST_NOISE) return low
    high = low
    low = at(Math.max(LEAST_NOISE, low.noiseMultiplier * FALL))
  }
  return leastBetween(low, high, epsilon, at)
}

/** Epsilon falls as noise grows: secants in the logarithms of both, and every third turn the middle. */
function leastBetween(fails: Noise, keeps: Noise, epsilon: number, at: (noise: number) => Noise): Noise {
  let [low, high] = [fails, keeps]
  for (let turn = 1; turn < 60 && high.epsilon < epsilon * (1 - TOLERANCE); turn++) {
    const middle = turn % 3 === 0 ? 0.5 : crossing(low.epsilon, high.epsilon, epsilon * (1 - TOLERANCE / 2))
    const noise = low.noiseMultiplier * (high.noiseMultiplier / low.noiseMultiplier) ** middle
    if (!(noise > low.noiseMultiplier && noise < high.noiseMultiplier)) break
    const one = at(noise)
    if (one.epsilon <= epsilon) high = one
    else low = one
  }
  return high
}

/** Where, from 0 at the one end to 1 at the other, the line through both logarithms meets that of the target. */
function crossing(low: number, high: number, target: number): number {
  const least = 1e-12
  const place = Math.log(low / target) / Math.log(low / Math.max(high, least))
  return Number.isFinite(place) ? Math.min(0.999, Math.max(0.001, place)) : 0.5
}
