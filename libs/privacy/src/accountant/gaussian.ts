/**
 * The Gaussian mechanism without sampling, exactly: https://arxiv.org/abs/1805.06530 (theorem 8).
 *
 *   mu = sqrt(sum over steps of 1 / noiseMultiplier^2)
 *   delta(epsilon) = Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 - epsilon/mu)
 *
 * Steps compose into one: k steps of noise z are one step of noise z / sqrt(k).
 *
 * @module
 */
import { logNormalCdf } from './normal.js'
import { checkDelta, checkPhases, LEAST_NOISE, MOST_NOISE, type Phase } from './phase.js'

/** log delta of the Gaussian mechanism of signal-to-noise ratio `mu` at `epsilon`, rounded up by what 64 bits may lose. */
export function gaussianLogDelta(mu: number, epsilon: number): number {
  const here = logNormalCdf(mu / 2 - epsilon / mu)
  const there = epsilon + logNormalCdf(-mu / 2 - epsilon / mu)
  const lost = 8e-15 * (1 + Math.abs(here) + epsilon)
  return here + lost + Math.log(-Math.expm1(-Math.max(0, here - there) - lost))
}

/** The smallest epsilon that the phases meet at `delta` when every record takes part in every step. */
export function gaussianEpsilon(phases: readonly Phase[], delta: number): number {
  checkPhases(phases)
  checkDelta(delta)
  const mu = Math.sqrt(
    phases.reduce((sum, { noiseMultiplier, steps }) => sum + steps / noiseMultiplier ** 2, 0),
  )
  const logDelta = Math.log(delta)
  if (gaussianLogDelta(mu, 0) <= logDelta) return 0
  const most = mu * (mu / 2 + Math.sqrt(-2 * logDelta)) // Phi(-z) <= exp(-z^2 / 2)
  return bisect(0, most, (epsilon) => gaussianLogDelta(mu, epsilon) <= logDelta)
}

/** The smallest noise multiplier with which `steps` steps without sampling meet `epsilon` at `delta`. */
export function gaussianNoise(epsilon: number, delta: number, steps: number): number {
  if (!(epsilon > 0 && Number.isFinite(epsilon)))
    throw new RangeError(`epsilon expected a number above 0, got ${epsilon}`)
  checkDelta(delta)
  checkPhases([{ noiseMultiplier: 1, samplingRate: 1, sampling: 'none', steps }])
  const logDelta = Math.log(delta)
  const least = LEAST_NOISE / Math.sqrt(steps)
  const noise = bisect(least, MOST_NOISE, (one) => gaussianLogDelta(1 / one, epsilon) <= logDelta)
  return noise * Math.sqrt(steps)
}

/** The least number between the two that holds, to the last bits; `high` is known to hold, and all above one that does. */
function bisect(low: number, high: number, holds: (x: number) => boolean): number {
  let [fails, kept] = [low, high]
  for (let turn = 0; turn < 200 && kept - fails > 1e-15 * kept; turn++) {
    const middle = (fails + kept) / 2
    if (holds(middle)) kept = middle
    else fails = middle
  }
  return kept
}
