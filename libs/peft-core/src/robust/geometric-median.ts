import type { Matrix } from '../linear-algebra/matrix.js'
import { distancesTo, expectUpdates, medianOf, updateNorms } from './distances.js'

export interface GeometricMedianOptions {
  /** f: how many liars it is to hold against; as many as it can unless stated. */
  readonly liars?: number
  /** Distances below this share of the median length of the updates count as this; 1e-6 unless stated. */
  readonly smoothing?: number
}

const MOST_STEPS = 1000
const SETTLED = 1e-12

/**
 * The point whose distances to the updates have the least sum, as weights that add up to 1: Weiszfeld's iteration, smoothed, in
 * the space that the updates span. Paper: https://arxiv.org/abs/1912.13445
 *
 *   d_k = max(smallest, ||u_k - z||),   weights_k = (1 / d_k) / sum over j of (1 / d_j),   z = sum over k of weights_k u_k
 *
 * Holds against fewer liars than half of the updates: whatever those send, the result stays within a multiple, growing with
 * their share, of the spread of the honest ones. It is moved within that spread, and no value of its own is kept from lies.
 * RangeError when n < 2 f + 1, or the smoothing is not above 0.
 */
export function geometricMedian(
  gram: Matrix,
  { liars = Math.floor((gram.rows - 1) / 2), smoothing = 1e-6 }: GeometricMedianOptions = {},
): readonly number[] {
  const count = gram.rows
  expectUpdates('the geometric median', count, { liars, least: 2 * liars + 1, why: '2 * liars + 1' })
  if (!(smoothing > 0)) throw new RangeError(`smoothing expected a number above 0, got ${smoothing}`)
  const smallest = Math.max(smoothing * medianOf(updateNorms(gram)), Number.MIN_VALUE)
  let weights: readonly number[] = Array.from({ length: count }, () => 1 / count)
  for (let step = 0; step < MOST_STEPS; step++) {
    const pulls = distancesTo(gram, weights).map((distance) => 1 / Math.max(distance, smallest))
    const total = pulls.reduce((sum, pull) => sum + pull, 0)
    const next = Number.isFinite(total) ? pulls.map((pull) => pull / total) : weights
    const moved = next.reduce((most, weight, at) => Math.max(most, Math.abs(weight - weights[at]!)), 0)
    weights = next
    if (moved < SETTLED) break
  }
  return weights
}
