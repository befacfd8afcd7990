import { gaussianSteps, STEPS } from './gaussian-steps.js'
import type { RandomWords } from './random-words.js'

/** What the deviation is larger by, to pay for norms and sums that were computed in 32 bits. */
const SINGLE_ERROR = 2 ** -12

/**
 * Adds independent Gaussian noise of a standard deviation to each value, in place. Values are rounded to a grid of 2^-30 of it, and the
 * noise is a whole number of its steps, so that the last bits of a result tell nothing of the value. The deviation is larger than asked
 * by 2^-12 of it: bounds on values that were computed in float32 hold to about 10^-6. RangeError for a deviation that is none, and for a
 * value that is not finite or too large for the grid; then no value was changed.
 */
export function addNoise(values: Float64Array, deviation: number, words?: RandomWords): void {
  if (!(deviation > 1e-250 && deviation < 1e250))
    throw new RangeError(`deviation expected a number above 0, got ${deviation}`)
  const step = (deviation * (1 + SINGLE_ERROR)) / STEPS
  const steps = values.map((value) => Math.trunc(value / step))
  const wrong = steps.findIndex((count) => !(Math.abs(count) <= Number.MAX_SAFE_INTEGER / 2))
  if (wrong >= 0)
    throw new RangeError(
      `value ${wrong} expected at most 2^52 steps of the noise's grid, got ${values[wrong]}`,
    )
  const noise = gaussianSteps(values.length, words)
  for (let at = 0; at < values.length; at++)
    values[at] = step * ((steps[at] as number) + (noise[at] as number))
}
