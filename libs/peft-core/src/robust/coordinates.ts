/**
 * Rules that look at one value of all updates at a time. They mean something only where the values do: of a factor whose partner
 * is frozen, or of tensors that have no partner (see trained-factor.ts).
 * Paper: https://arxiv.org/abs/1803.01498 (median and trimmed mean), https://arxiv.org/abs/1802.07927 (Bulyan's last step).
 * @module
 */
import { expectUpdates } from './distances.js'

/** One number from what the updates say of one value; `values` is sorted in ascending order and may not be kept. */
export type CoordinateRule = (values: Float64Array) => number

/** Rounding of share * count must not lose a value: 0.29 * 100 is 28.999999999999996. */
const ROUNDING = 1e-9

/**
 * The middle value, or the mean of the two in the middle. Holds against fewer liars than half: each value stays within those of
 * honest updates. RangeError when count < 2 liars + 1.
 */
export function coordinateMedian(count: number, { liars }: { readonly liars: number }): CoordinateRule {
  expectUpdates('the median', count, { liars, least: 2 * liars + 1, why: '2 * liars + 1' })
  return (values) => {
    const middle = values.length >> 1
    const upper = values[middle] as number
    return values.length % 2 === 1 ? upper : ((values[middle - 1] as number) + upper) / 2
  }
}

/**
 * The mean without the floor(share * count) smallest and as many of the largest values. Holds against at most f liars when
 * share * count > f: each value stays within those of honest updates. RangeError when it does not, or nothing would be left.
 */
export function trimmedMean(
  count: number,
  { liars, share }: { readonly liars: number; readonly share: number },
): CoordinateRule {
  const trimmed = Math.floor(share * count + ROUNDING)
  if (!(share >= 0) || 2 * trimmed >= count)
    throw new RangeError(`share expected 0 to less than 0.5, with a value left of ${count}; got ${share}`)
  if (liars > 0 && !(share * count > liars + ROUNDING))
    throw new RangeError(
      `the trimmed mean against ${liars} liars expected share * updates above ${liars}, got ${share} * ${count}`,
    )
  return (values) => meanOf(values, trimmed, values.length - trimmed)
}

/**
 * Bulyan's last step: the mean of the `count - 2 liars` values closest to their median, of the `count` updates that
 * `bulyanSelection` left. RangeError when none would be left.
 */
export function nearMedianMean(count: number, { liars }: { readonly liars: number }): CoordinateRule {
  expectUpdates('Bulyan', count, { liars, least: 2 * liars + 1, why: 'selected: 2 * liars + 1' })
  const median = coordinateMedian(count, { liars })
  const kept = count - 2 * liars
  return (values) => {
    const middle = median(values)
    let start = 0
    // Sorted, so those closest to the median are neighbours.
    while (start + kept < values.length) {
      const [first, next] = [values[start] as number, values[start + kept] as number]
      if (middle - first <= next - middle) break
      start++
    }
    return meanOf(values, start, start + kept)
  }
}

function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum += values[at] as number
  return sum / (to - from)
}
