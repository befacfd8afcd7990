import { squareSvd } from '../linear-algebra/jacobi.js'
import { type Matrix, product, rowOf, rowsTimesRows, transposed } from '../linear-algebra/matrix.js'
import type { Factors } from './module-factors.js'

export interface RotationOptions {
  readonly lambda: number // 0: not at all, 1: as near as a rotation brings them
  readonly aligned: 'a' | 'b' // which factor is brought near the reference's
}

/**
 * The same change by other factors, R' A and B R, with the chosen one nearer to that of a reference of the same rank: R is the
 * rotation that brings it nearest (Kabsch), or for lambda < 1 the orthogonal matrix nearest to (1 - lambda) I + lambda R.
 */
export function rotated<F extends Factors>(
  own: F,
  reference: Factors,
  { lambda, aligned }: RotationOptions,
): F {
  if (lambda === 0) return own
  const cross = rowsTimesRows(reference[aligned], own[aligned]) // (R, R)
  if (cross.data.every((value) => value === 0)) return own // nothing to be near to
  const nearest = rotationOf(cross)
  const side = nearest.rows
  for (let at = 0; at < nearest.data.length; at++)
    nearest.data[at] = lambda * (nearest.data[at] as number) + (at % (side + 1) === 0 ? 1 - lambda : 0)
  const turn = transposed(lambda === 1 ? nearest : orthogonalOf(nearest)) // R'
  return { ...own, a: product(turn, own.a), b: product(turn, own.b) }
}

/** V diag(1, …, 1, det(U V')) U' for the matrix U S V'. */
function rotationOf(matrix: Matrix): Matrix {
  const { left, right } = squareSvd(matrix)
  const last = rowOf(right, right.rows - 1)
  if (determinant(left) * determinant(right) < 0)
    for (let at = 0; at < last.length; at++) last[at] = -(last[at] as number)
  return product(transposed(right), left)
}

/** U V' for the matrix U S V': the nearest orthogonal one. */
function orthogonalOf(matrix: Matrix): Matrix {
  const { left, right } = squareSvd(matrix)
  return product(transposed(left), right)
}

/** By elimination with row exchanges. */
function determinant(matrix: Matrix): number {
  const rows = Array.from({ length: matrix.rows }, (_, row) => rowOf(matrix, row).slice())
  let result = 1
  for (let column = 0; column < rows.length; column++) {
    let pivot = column
    for (let row = column + 1; row < rows.length; row++) {
      if (Math.abs(rows[row]![column] as number) > Math.abs(rows[pivot]![column] as number)) pivot = row
    }
    const [own, other] = [rows[column]!, rows[pivot]!]
    rows[column] = other
    rows[pivot] = own
    if (pivot !== column) result = -result
    const value = other[column] as number
    result *= value
    if (value === 0) return 0
    for (let row = column + 1; row < rows.length; row++) {
      const factor = (rows[row]![column] as number) / value
      for (let at = column; at < rows.length; at++)
        rows[row]![at] = (rows[row]![at] as number) - factor * (other[at] as number)
    }
  }
  return result
}
