/**
 * How well the confidence of a classifier tells data of a kind that it knows from another kind: the maximum softmax probability as the
 * score (Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136).
 * @module
 */

/**
 * For each of `others` the share of `known` that the model is less sure of than of it, equals counting half. Their mean is 1 - AUROC: 0 where every known
 * example is surer than any other, 0.5 where confidence tells nothing, above where the model is surer of what it does not know. RangeError of no known example.
 */
export function surerShares(others: ArrayLike<number>, known: ArrayLike<number>): readonly number[] {
  if (known.length === 0) throw new RangeError('expected examples of a kind that is known, got none')
  const sorted = Float64Array.from(known).sort()
  return Array.from(others, (value) => {
    const below = firstAt(sorted, (one) => one >= value)
    const upTo = firstAt(sorted, (one) => one > value)
    return (below + upTo) / 2 / sorted.length
  })
}

/** Where a condition holds first in a sorted list, or its length. */
function firstAt(sorted: Float64Array, holds: (value: number) => boolean): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (holds(sorted[middle] as number)) to = middle
    else from = middle + 1
  }
  return from
}
