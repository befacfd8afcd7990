/**
 * The nearest factors of a lower rank to a weighted sum of factored changes.
 * @module
 */
import { thinQr } from '../linear-algebra/householder.js'
import { signOf, squareSvd } from '../linear-algebra/jacobi.js'
import { dot, type Matrix, product, rowOf, scale, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
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

/** Beyond this side, only the leading triples of the core are computed, as many as the target needs. */
const WHOLE_CORE = 320
/** And beyond this one where they are few, and none so small beside the first that it loses digits. */
const SMALL_CORE = 64
const CLEAR = 1e-6
const FIRST_TRIPLES = 64

/**
 * The best approximation of sum of share * scaling * B A (Eckart, Young and Mirsky), whose left vectors have a
 * largest entry that is positive, so that the same sum gives the same factors.
 */
export function compressed(terms: readonly SharedFactors[], compression: Compression): Compressed {
  const a = thinQr(stacked(terms.map((term) => ({ matrix: term.a, factor: 1 }))))
  const b = thinQr(stacked(terms.map((term) => ({ matrix: term.b, factor: term.share * term.scaling }))))
  const core = product(b.r, transposed(a.r)) // (min(R, O), min(R, I))
  return leading(core, compression, { left: b.times, right: a.times })
}

/** The same of a sum that was formed, (O, I). */
export function compressedDense(sum: Matrix, compression: Compression): Compressed {
  return leading(sum, compression, { left: (rows) => rows, right: (rows) => rows })
}

/** What the vectors of a core are in the space of the sum. */
interface Bases {
  left(rows: Matrix): Matrix
  right(rows: Matrix): Matrix
}

function leading(core: Matrix, { target, balance, scaling }: Compression, bases: Bases): Compressed {
  const energy = dot(core.data, core.data)
  const { left, values, right } = triples(core, target, energy)
  const isWhole = values.length === Math.min(core.rows, core.columns)
  const unseen = isWhole ? 0 : Math.max(0, energy - dot(values, values))
  const rank = rankFor(values, { energy, unseen }, target)
  const columnsOfB = bases.left(leadingRows(left, rank, core.rows))
  const rowsOfA = bases.right(leadingRows(right, rank, core.columns))
  for (let at = 0; at < rank; at++) {
    const value = (values[at] as number) / scaling
    const sign = signOf(rowOf(columnsOfB, at))
    const [forA, forB] = splitOf(value, balance)
    scale(rowOf(columnsOfB, at), sign * forB)
    scale(rowOf(rowsOfA, at), sign * forA)
  }
  const tail = values.subarray(rank)
  return { factors: { scaling, a: rowsOfA, b: columnsOfB }, energy, dropped: unseen + dot(tail, tail) }
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

/** All triples of a small core; of a larger one those that the target may need. */
function triples(core: Matrix, { rank, energy: share = 1 }: Target, energy: number): Triples {
  const [longer, shorter] = [Math.max(core.rows, core.columns), Math.min(core.rows, core.columns)]
  const most = Math.min(rank ?? shorter, shorter)
  if (longer > SMALL_CORE && 4 * most < shorter) {
    const { left, values, right } = leadingSvd(core, most)
    const isClear = (values[most - 1] as number) > CLEAR * (values[0] as number)
    if (isClear || longer > WHOLE_CORE) return { left: transposed(left), values, right }
  }
  if (longer <= WHOLE_CORE) {
    const square = zeroMatrix(longer, longer)
    for (let row = 0; row < core.rows; row++) rowOf(square, row).set(rowOf(core, row))
    const { left, values, right } = squareSvd(square)
    return { left, values: values.subarray(0, shorter), right }
  }
  for (let count = Math.min(most, FIRST_TRIPLES); ; count = Math.min(most, 2 * count)) {
    const { left, values, right } = leadingSvd(core, count)
    if (count === most || dot(values, values) >= share * energy)
      return { left: transposed(left), values, right }
  }
}

/** The smallest rank, of 1 or more, that keeps the energy; at most the target's. */
function rankFor(
  values: Float64Array,
  { energy, unseen }: { readonly energy: number; readonly unseen: number },
  { rank = values.length, energy: share }: Target,
): number {
  const most = Math.max(1, Math.min(rank, values.length))
  if (share === undefined) return most
  // What is left out is summed from the smallest value up, so that a share of 1 drops nothing but rounding errors.
  let dropped = unseen
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
