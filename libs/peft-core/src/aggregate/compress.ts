/**
 * The nearest factors of a lower rank to a weighted sum of factored changes.
 * @module
 */
import { thinQr } from '../linear-algebra/householder.js'
import { signOf, squareSvd } from '../linear-algebra/jacobi.js'
import { type Matrix, product, rowOf, scale, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import { leadingSvd } from '../linear-algebra/svd.js'
import { type Factors, type SharedFactors, stacked } from './module-factors.js'

/** What to keep: at most a rank, and no more of it than gives a share of the sum of squared singular values. */
export interface Target {
  readonly rank?: number
  readonly energy?: number // in (0, 1]
}

export interface Compression {
  readonly target: Target
  /** Which factor gets the singular values, so that the other one is orthonormal, or both their roots. */
  readonly balance: 'a' | 'b' | 'even'
  readonly scaling: number // of the result
}

export interface Compressed {
  readonly factors: Factors
  readonly energy: number // the sum of all squared singular values
  readonly dropped: number // of those that were left out
}

/** Beyond this side, only the leading triples of the core are computed, where a rank limits them. */
const WHOLE_CORE = 320

/**
 * The best approximation of sum of share * scaling * B A (Eckart, Young and Mirsky), whose left vectors have a
 * largest entry that is positive, so that the same sum gives the same factors.
 */
export function compressed(
  terms: readonly SharedFactors[],
  { target, balance, scaling }: Compression,
): Compressed {
  const a = thinQr(stacked(terms.map((term) => ({ matrix: term.a, factor: 1 }))))
  const b = thinQr(stacked(terms.map((term) => ({ matrix: term.b, factor: term.share * term.scaling }))))
  const core = product(b.r, transposed(a.r)) // (min(R, O), min(R, I))
  const { left, values, right } = triples(core, target.rank)
  const energy = core.data.reduce((sum, entry) => sum + entry * entry, 0)
  const rank = rankFor(values, energy, target)
  const kept = values.subarray(0, rank).reduce((sum, value) => sum + value * value, 0)
  const [leftRows, rightRows] = [leadingRows(left, rank, core.rows), leadingRows(right, rank, core.columns)]
  const [columnsOfB, rowsOfA] = [b.times(leftRows), a.times(rightRows)]
  for (let at = 0; at < rank; at++) {
    const value = (values[at] as number) / scaling
    const sign = signOf(rowOf(columnsOfB, at))
    const [forA, forB] = splitOf(value, balance)
    scale(rowOf(columnsOfB, at), sign * forB)
    scale(rowOf(rowsOfA, at), sign * forA)
  }
  const tail = values.subarray(rank).reduce((sum, value) => sum + value * value, 0)
  return {
    factors: { scaling, a: rowsOfA, b: columnsOfB },
    energy,
    dropped: values.length === Math.min(core.rows, core.columns) ? tail : Math.max(0, energy - kept),
  }
}

function splitOf(value: number, balance: Compression['balance']): readonly [a: number, b: number] {
  if (balance === 'even') return [Math.sqrt(value), Math.sqrt(value)]
  return balance === 'a' ? [value, 1] : [1, value]
}

interface Triples {
  readonly left: Matrix // rows
  readonly values: Float64Array
  readonly right: Matrix // rows
}

function triples(core: Matrix, rank: number | undefined): Triples {
  const [longer, shorter] = [Math.max(core.rows, core.columns), Math.min(core.rows, core.columns)]
  if (rank !== undefined && longer > WHOLE_CORE && rank < shorter / 4) {
    const { left, values, right } = leadingSvd(core, rank)
    return { left: transposed(left), values, right }
  }
  const square = zeroMatrix(longer, longer)
  for (let row = 0; row < core.rows; row++) rowOf(square, row).set(rowOf(core, row))
  const { left, values, right } = squareSvd(square)
  return { left, values: values.subarray(0, shorter), right }
}

/** The smallest rank, of 1 or more, that keeps the energy; at most the target's. */
function rankFor(
  values: Float64Array,
  energy: number,
  { rank = values.length, energy: share }: Target,
): number {
  const most = Math.max(1, Math.min(rank, values.length))
  if (share === undefined) return most
  // What is left out is summed from the smallest value up, so that a share of 1 drops nothing but rounding errors.
  let dropped = 0
  let least = values.length
  while (least > 1) {
    const value = values[least - 1] as number
    if (dropped + value * value > (1 - share) * energy + NOTHING * energy) break
    dropped += value * value
    least--
  }
  return Math.min(most, least)
}

/** The share of the energy that is rounding errors of the sum. */
const NOTHING = 2 ** -96

function leadingRows(rows: Matrix, count: number, columns: number): Matrix {
  const result = zeroMatrix(count, columns)
  for (let row = 0; row < count; row++) rowOf(result, row).set(rowOf(rows, row).subarray(0, columns))
  return result
}
