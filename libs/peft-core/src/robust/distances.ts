/**
 * Lengths and distances of updates, from their Gram matrix (K, K).
 * @module
 */
import { type Matrix, zeroMatrix } from '../linear-algebra/matrix.js'

/** ||u_k|| of each update. */
export function updateNorms({ rows, data }: Matrix): readonly number[] {
  return Array.from({ length: rows }, (_, at) => Math.sqrt(Math.max(0, data[at * rows + at] as number)))
}

/** ||u_i - u_j||^2 = G_ii + G_jj - 2 G_ij of every two updates, (K, K). */
export function squaredDistances({ rows, data }: Matrix): Matrix {
  const result = zeroMatrix(rows, rows)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      const own = (data[i * rows + i] as number) + (data[j * rows + j] as number)
      result.data[i * rows + j] = i === j ? 0 : Math.max(0, own - 2 * (data[i * rows + j] as number))
    }
  }
  return result
}

/** ||u_k - z|| of each update for z = sum over j of weights[j] u_j. */
export function distancesTo({ rows, data }: Matrix, weights: readonly number[]): readonly number[] {
  const products = Array.from({ length: rows }, (_, row) =>
    weights.reduce((sum, weight, at) => sum + weight * (data[row * rows + at] as number), 0),
  )
  const square = products.reduce((sum, product, at) => sum + (weights[at] as number) * product, 0)
  return products.map((product, at) =>
    Math.sqrt(Math.max(0, (data[at * rows + at] as number) - 2 * product + square)),
  )
}

/** The middle value, or the mean of the two in the middle. RangeError when there are none. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('a median expected at least one value, got none')
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** RangeError unless `liars` is a whole number and there are at least `least` updates, which the rule needs for `why`. */
export function expectUpdates(
  rule: string,
  count: number,
  need: { readonly liars: number; readonly least: number; readonly why: string },
): void {
  const { liars, least, why } = need
  if (!Number.isSafeInteger(liars) || liars < 0)
    throw new RangeError(`${rule} expected a whole number of liars, got ${liars}`)
  if (count < least)
    throw new RangeError(
      `${rule} against ${liars} liars expected at least ${least} updates (${why}), got ${count}`,
    )
}
