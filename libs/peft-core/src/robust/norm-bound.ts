import type { Matrix } from '../linear-algebra/matrix.js'
import { medianOf, updateNorms } from './distances.js'

export interface NormBound {
  /** The greatest length that an update keeps; 'median': that of the middle one of them. */
  readonly maxNorm: number | 'median'
}

/**
 * The mean of updates that are shortened to a bound C, as weights: min(1, C / ||u_k||) / n. An update of length 0 passes.
 *
 * A liar moves the result by at most C / n, in any direction: f of them by f C / n, however many they are. It is no bound on
 * what such a shift does to the model; with the median as bound, a majority of liars sets it themselves. RangeError when the
 * bound is not above 0.
 */
export function normBound(gram: Matrix, { maxNorm }: NormBound): readonly number[] {
  const norms = updateNorms(gram)
  const bound = maxNorm === 'median' ? medianOf(norms) : maxNorm
  if (maxNorm !== 'median' && !(bound > 0 && bound < Number.POSITIVE_INFINITY))
    throw new RangeError(`maxNorm expected a number above 0 or "median", got ${maxNorm}`)
  return norms.map((norm) => (norm <= bound ? 1 : bound / norm) / norms.length)
}
