/**
 * The updates that lie closest to the others. Papers: https://arxiv.org/abs/1703.02757 (Krum and Multi-Krum),
 * https://arxiv.org/abs/1802.07927 (Bulyan).
 *
 * All choose whole updates by their distances in the model. Between equals the first wins, so give them in one order, such as
 * ascending ids.
 * @module
 */
import type { Matrix } from '../linear-algebra/matrix.js'
import { expectUpdates, squaredDistances } from './distances.js'

export interface KrumOptions {
  /** f: of how many updates the worst is assumed. */
  readonly liars: number
}

/**
 * Krum's choice, as weights: 1 for one update, 0 for the others.
 *
 * Holds against at most f liars of n >= 2 f + 3, in that the chosen update is near the honest ones when those are alike. It does
 * not hold against more, nor against lies that hide within the spread of honest updates; with unlike data it leaves honest
 * minorities out. RangeError with fewer updates.
 */
export function krum(gram: Matrix, { liars }: KrumOptions): readonly number[] {
  return multiKrum(gram, { liars, kept: 1 })
}

/**
 * Multi-Krum: the mean of the `kept` updates with the smallest scores, as weights: 1 / kept or 0. `kept` is n - f - 2 unless
 * stated. The bound is Krum's. RangeError when n < 2 f + 3, or `kept` is not in 1 to n - f - 2 (to n when f is 0).
 */
export function multiKrum(
  gram: Matrix,
  { liars, kept }: KrumOptions & { readonly kept?: number },
): readonly number[] {
  const count = gram.rows
  return closest(squaredDistances(gram), {
    ...{ liars, take: kept ?? count - liars - 2 },
    most: liars === 0 ? count : count - liars - 2,
  })
}

/**
 * Multi-Krum on distances that were averaged over rounds, (K, K): the mean of the `kept` updates with the smallest scores, as weights.
 * `kept` is n - f unless stated, since whoever lies again and again comes to lie apart from all others. No bound is proved for it, and
 * in the first rounds it chooses as blindly as one round does. RangeError when n < 2 f + 3, or `kept` is not in 1 to n - f.
 */
export function rememberedKrum(
  distances: Matrix,
  { liars, kept }: KrumOptions & { readonly kept?: number },
): readonly number[] {
  const most = distances.rows - liars
  return closest(distances, { liars, take: kept ?? most, most })
}

/** The `take` updates with the smallest scores, as weights: 1 / take or 0. */
function closest(
  distances: Matrix,
  { liars, take, most }: KrumOptions & { readonly take: number; readonly most: number },
): readonly number[] {
  const count = distances.rows
  expectUpdates('Krum', count, { liars, least: 2 * liars + 3, why: '2 * liars + 3' })
  if (!Number.isSafeInteger(take) || take < 1 || take > most)
    throw new RangeError(
      `Multi-Krum of ${count} updates against ${liars} liars expected to keep 1 to ${most}, got ${take}`,
    )
  const all = Array.from({ length: count }, (_, index) => index)
  const scores = krumScores(distances, all, liars)
  const best = new Set(all.toSorted((i, j) => scores[i]! - scores[j]! || i - j).slice(0, take))
  return all.map((index) => (best.has(index) ? 1 / take : 0))
}

/**
 * The n - 2 f updates that Bulyan's first step selects, in ascending order: Krum's choice is taken out again and again, and the scores
 * are made anew among those that are left. The second step works on values: `nearMedianMean` with 2 f fewer.
 *
 * Holds against at most f liars of n >= 4 f + 3, and, together with the second step, bounds what they do to any one value
 * rather than to the norm alone. RangeError with fewer updates.
 */
export function bulyanSelection(gram: Matrix, { liars }: KrumOptions): readonly number[] {
  const count = gram.rows
  expectUpdates('Bulyan', count, { liars, least: 4 * liars + 3, why: '4 * liars + 3' })
  const distances = squaredDistances(gram)
  let left = Array.from({ length: count }, (_, index) => index)
  const selected: number[] = []
  while (selected.length < count - 2 * liars) {
    const scores = krumScores(distances, left, liars)
    const best = left.reduce((least, _, at) => (scores[at]! < scores[least]! ? at : least), 0)
    selected.push(left[best] as number)
    left = left.filter((_, at) => at !== best)
  }
  return selected.sort((i, j) => i - j)
}

/** Of each of some updates, the sum of the squared distances to the n - f - 2 nearest of the others; at least to one. */
function krumScores(distances: Matrix, among: readonly number[], liars: number): readonly number[] {
  const nearest = Math.max(1, among.length - liars - 2)
  return among.map((own) =>
    among
      .filter((other) => other !== own)
      .map((other) => distances.data[own * distances.columns + other] as number)
      .sort((left, right) => left - right)
      .slice(0, nearest)
      .reduce((sum, distance) => sum + distance, 0),
  )
}
