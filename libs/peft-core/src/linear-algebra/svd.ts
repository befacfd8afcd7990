import { addScaled, dot, type Matrix, rowOf, scale, transposed, zeroMatrix } from './matrix.js'
import { rowProducts } from './row-products.js'
import { leadingEigenpairs } from './symmetric-eigen.js'

export interface SingularParts {
  readonly left: Matrix // (M, K), orthonormal columns
  readonly values: Float64Array // (K), descending
  readonly right: Matrix // (K, N), orthonormal rows
}

/**
 * The `count` largest singular values of a matrix (M, N) and their vectors: left diag(values) right is the nearest matrix
 * of that rank. Through the eigenvectors of the smaller of A A' and A' A, so values below 1e-8 of the largest have few
 * right digits; the vectors of a value of zero are zero on the longer side. RangeError unless 1 <= count <= min(M, N).
 */
export function leadingSvd(matrix: Matrix, count: number): SingularParts {
  const shorter = Math.min(matrix.rows, matrix.columns)
  if (!(Number.isInteger(count) && count >= 1 && count <= shorter)) {
    throw new RangeError(`count expected a whole number in 1 to ${shorter}, got ${count}`)
  }
  const isWide = matrix.rows <= matrix.columns
  const wide = isWide ? matrix : transposed(matrix)
  const { vectors } = leadingEigenpairs(rowProducts(wide), count)
  const values = new Float64Array(count)
  const others = zeroMatrix(count, wide.columns)
  for (let index = 0; index < count; index++) {
    const other = rowOf(others, index)
    other.set(transposedTimes(wide, rowOf(vectors, index)))
    const value = Math.sqrt(dot(other, other))
    values[index] = value
    if (value > 0) scale(other, 1 / value)
  }
  return isWide
    ? { left: transposed(vectors), values, right: others }
    : { left: transposed(others), values, right: vectors }
}

/** A' x */
function transposedTimes(matrix: Matrix, x: Float64Array): Float64Array {
  const sum = new Float64Array(matrix.columns)
  for (let row = 0; row < matrix.rows; row++) addScaled(sum, rowOf(matrix, row), x[row] as number)
  return sum
}
