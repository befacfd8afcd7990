import type { Matrix } from '../linear-algebra/matrix.js'
import { distancesTo, medianOf, updateNorms } from './distances.js'

export interface CentredClippingOptions {
  /** How far from the centre an update counts in full; 'median': the middle one of their lengths. */
  readonly radius: number | 'median'
  /** How often the centre moves; 3 unless stated. */
  readonly steps?: number
  /** The centre to begin with, as weights of the updates, such as 1 for an earlier change that is among them; 0 unless stated. */
  readonly centre?: readonly number[]
}

/**
 * Centred clipping, as weights: v moves by the mean of the differences u_k - v, each shortened to the radius.
 * Paper: https://arxiv.org/abs/2012.10333
 *
 *   v <- v + 1/n sum over k of (u_k - v) min(1, radius / ||u_k - v||)
 *
 * A liar moves the centre by at most radius / n at each step. That is near the honest mean when the liars are few (the paper
 * proves it for at most a tenth of the updates, with a radius that fits the honest spread) and the centre begins near it; other
 * liars within the radius are not noticed. RangeError when the radius, the steps or the centre do not fit.
 */
export function centredClipping(
  gram: Matrix,
  { radius, steps = 3, centre }: CentredClippingOptions,
): readonly number[] {
  const count = gram.rows
  const reach = radius === 'median' ? medianOf(updateNorms(gram)) : radius
  if (radius !== 'median' && !(reach > 0))
    throw new RangeError(`radius expected a number above 0 or "median", got ${radius}`)
  if (!Number.isSafeInteger(steps) || steps < 1)
    throw new RangeError(`steps expected a whole number of 1 or more, got ${steps}`)
  if (centre !== undefined && centre.length !== count)
    throw new RangeError(`centre expected ${count} weights, got ${centre.length}`)
  let weights: readonly number[] = centre ?? Array.from({ length: count }, () => 0)
  for (let step = 0; step < steps; step++) {
    const shares = distancesTo(gram, weights).map(
      (distance) => (distance <= reach ? 1 : reach / distance) / count,
    )
    const kept = 1 - shares.reduce((sum, share) => sum + share, 0)
    weights = weights.map((weight, at) => kept * weight + shares[at]!)
  }
  return weights
}
