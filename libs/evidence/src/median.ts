/**
 * Where the middle of a distribution lies, whatever its shape: one run in ten that was disturbed does not move it.
 * @module
 */
import { logGamma } from './student.js'

export interface MedianInterval {
  readonly median: number
  readonly low: number // -Infinity of too few values for the confidence
  readonly high: number
  readonly count: number
}

/**
 * The median of values that were drawn one by one, and its interval between two of them: each is above the true median as often as below, so the
 * number below has a binomial distribution (the sign test's interval). RangeError for no values, one that is not a number, or a confidence outside (0, 1).
 */
export function medianInterval(values: readonly number[], confidence: number): MedianInterval {
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`confidence expected between 0 and 1, got ${confidence}`)
  if (values.length === 0) throw new RangeError('a median expected values, got none')
  const wrong = values.find((value) => !Number.isFinite(value))
  if (wrong !== undefined) throw new RangeError(`a median expected finite values, got ${wrong}`)
  const sorted = values.toSorted((one, other) => one - other)
  const { length: count } = sorted
  const out = valuesOutside(count, (1 - confidence) / 2)
  return {
    median: ((sorted[(count - 1) >> 1] as number) + (sorted[count >> 1] as number)) / 2,
    low: out === 0 ? Number.NEGATIVE_INFINITY : (sorted[out - 1] as number),
    high: out === 0 ? Number.POSITIVE_INFINITY : (sorted[count - out] as number),
    count,
  }
}

/** The largest k with P(fewer than k of `count` fair coins) <= tail: the k-th value from either end still holds the median. */
function valuesOutside(count: number, tail: number): number {
  let below = 0
  for (let k = 0; k <= count; k++) {
    below += Math.exp(logGamma(count + 1) - logGamma(k + 1) - logGamma(count - k + 1) - count * Math.LN2)
    if (below > tail) return k
  }
  return count
}
