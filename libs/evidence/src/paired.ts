/**
 * A candidate against the champion on the same held-out examples: the differences are looked at, so that what is hard about an example
 * says nothing about either.
 * @module
 */

import { studentQuantile } from './student.js'
import { added, expectSums, meanOf, type Sums, varianceOf } from './sums.js'

/** A mean and where the true one lies, with the confidence that was asked for. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly standardError: number
  readonly count: number
}

/**
 * The mean difference over the examples of all groups (agents), and its interval by Student's t. `groups` holds the sums of each group's differences.
 * The groups are taken as they are: it speaks of these agents, not of others. Examples of a group count as drawn one by one.
 * RangeError for sums of no real values, fewer than two examples in all, or a confidence outside (0, 1).
 */
export function pairedInterval(groups: readonly Sums[], confidence: number): Interval {
  if (!(confidence > 0 && confidence < 1))
    throw new RangeError(`confidence expected between 0 and 1, got ${confidence}`)
  const known = groups.filter(({ count }) => count > 0)
  for (const [at, sums] of known.entries()) expectSums(`group ${at + 1}`, sums)
  const all = added(known)
  if (all.count < 2) throw new RangeError(`an interval expected at least 2 examples, got ${all.count}`)
  const freedom = all.count - known.length
  const isSplit = freedom >= 1 // else each group has one example, and all of them are one group
  const squares = known.reduce((sum, one) => sum + (one.count - 1) * varianceOf(one), 0)
  const usual = isSplit ? squares / freedom : varianceOf(all) // for groups of one example, which have no variance to see
  const within = known.reduce((sum, one) => sum + one.count * (one.count > 1 ? varianceOf(one) : usual), 0)
  const standardError = Math.sqrt(within) / all.count
  const reach = studentQuantile((1 + confidence) / 2, isSplit ? freedom : all.count - 1) * standardError
  const mean = meanOf(all)
  return { mean, low: mean - reach, high: mean + reach, standardError, count: all.count }
}

/** The smallest true difference that such an interval tells from 0 with this power, for so large a standard error. */
export function smallestEffect(standardError: number, confidence: number, power: number): number {
  const many = 1e6 // degrees of freedom: the normal distribution to 6 digits
  return standardError * (studentQuantile((1 + confidence) / 2, many) + studentQuantile(power, many))
}

/** What an interval of a difference, of which more is worse, says about a margin. */
export type PairedVerdict = 'pass' | 'fail' | 'inconclusive'

/**
 * `pass`: no worse than by `margin`, with confidence. `fail`: worse, with confidence, and not shown to be within the margin. Anything
 * else is for a person to decide, or for more data.
 */
export function pairedVerdict(
  { low, high }: Pick<Interval, 'low' | 'high'> & Partial<Interval>,
  margin: number,
): PairedVerdict {
  if (!(margin >= 0)) throw new RangeError(`margin expected at least 0, got ${margin}`)
  if (!Number.isFinite(low) || !Number.isFinite(high)) return 'inconclusive'
  if (high <= margin) return 'pass'
  return low > 0 ? 'fail' : 'inconclusive'
}
