/**
 * Where the sum of the losses of all steps decides about delta, from its moments: no bound rests on what is found here, only
 * how tight one is.
 *
 *   K(t) = log E exp(t loss) of one step, by the trapezoidal rule        sum of the losses, tilted by t: mean K'(t), variance K''(t)
 *
 * @module
 */
import { lossAt, noiseRange, type Step } from './privacy-loss.js'

const POINTS = 2048

/** So many equal steps. */
export interface Repeated {
  readonly step: Step
  readonly times: number
}

/** Of the sum of all losses under weights exp(tilt loss). */
export interface Tilt {
  readonly tilt: number
  readonly mean: number
  readonly variance: number
}

/** The tilt at which Chernoff's bound on P(sum of losses >= mean) is exp(logDelta). */
export function tiltFor(steps: readonly Repeated[], logDelta: number, reach: number): Tilt {
  const columns = steps.map(({ step, times }) => ({ times, ...lossColumns(step, reach) }))
  const excess = (tilt: number): number => {
    const { log, mean } = moments(columns, tilt)
    return log - tilt * mean - logDelta
  }
  let [low, high] = [0, 1]
  while (excess(high) > 0 && high < MOST_TILT) [low, high] = [high, high * 2]
  for (let turn = 0; turn < 40; turn++) {
    const middle = (low + high) / 2
    if (excess(middle) > 0) low = middle
    else high = middle
  }
  return { tilt: high, ...moments(columns, high) }
}

const MOST_TILT = 2 ** 20

interface Columns {
  readonly losses: Float64Array
  readonly logWeights: Float64Array
}

function lossColumns(step: Step, reach: number): Columns {
  const { sigma, direction } = step
  const [from, to] = noiseRange(step, reach)
  const losses = new Float64Array(POINTS)
  const logWeights = new Float64Array(POINTS)
  const width = (to - from) / (POINTS - 1)
  for (let i = 0; i < POINTS; i++) {
    const x = from + i * width
    losses[i] = lossAt(step, x)
    const mixed = direction === 'remove' ? losses[i] : 0
    logWeights[i] = mixed - x ** 2 / (2 * sigma ** 2) + Math.log(width / (sigma * Math.sqrt(2 * Math.PI)))
  }
  return { losses, logWeights }
}

function moments(
  columns: readonly (Columns & { readonly times: number })[],
  tilt: number,
): { readonly log: number; readonly mean: number; readonly variance: number } {
  let [log, mean, variance] = [0, 0, 0]
  for (const { losses, logWeights, times } of columns) {
    let most = -Infinity
    for (let i = 0; i < POINTS; i++) most = Math.max(most, tilt * losses[i] + logWeights[i])
    let [mass, first, second] = [0, 0, 0]
    for (let i = 0; i < POINTS; i++) {
      const weight = Math.exp(tilt * losses[i] + logWeights[i] - most)
      mass += weight
      first += weight * losses[i]
      second += weight * losses[i] ** 2
    }
    log += times * (most + Math.log(mass))
    mean += times * (first / mass)
    variance += times * Math.max(0, second / mass - (first / mass) ** 2)
  }
  return { log, mean, variance }
}
