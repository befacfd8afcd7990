import { addScaled, dot, type Matrix, rowOf, scale, transposed, zeroMatrix } from './matrix.js'
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
  const { vectors } = leadingEigenpairs(isWide ? rowProducts(matrix) : columnProducts(matrix), count)
  const values = new Float64Array(count)
  const others = zeroMatrix(count, isWide ? matrix.columns : matrix.rows)
  for (let index = 0; index < count; index++) {
    const other = rowOf(others, index)
    other.set(isWide ? transposedTimes(matrix, rowOf(vectors, index)) : times(matrix, rowOf(vectors, index)))
    const value = Math.sqrt(dot(other, other))
    values[index] = value
    if (value > 0) scale(other, 1 / value)
  }
  return isWide
    ? { left: transposed(vectors), values, right: others }
    : { left: transposed(others), values, right: vectors }
}

/** A A' (M, M) */
function rowProducts(matrix: Matrix): Matrix {
  const side = matrix.rows
  const result = zeroMatrix(side, side)
  for (let row = 0; row < side; row++) {
    for (let other = 0; other <= row; other++) {
      const value = dot(rowOf(matrix, row), rowOf(matrix, other))
      result.data[row * side + other] = value
      result.data[other * side + row] = value
    }
  }
  return result
}

/** A' A (N, N) */
function columnProducts(matrix: Matrix): Matrix {
  const result = zeroMatrix(matrix.columns, matrix.columns)
  for (let row = 0; row < matrix.rows; row++) {
    const values = rowOf(matrix, row)
    for (let column = 0; column < matrix.columns; column++)
      addScaled(rowOf(result, column), values, values[column] as number)
  }
  return result
}

/** A x */
function times(matrix: Matrix, x: Float64Array): Float64Array {
  return Float64Array.from({ length: matrix.rows }, (_, row) => dot(rowOf(matrix, row), x))
}

/** A' x */
function transposedTimes(matrix: Matrix, x: Float64Array): Float64Array {
  const sum = new Float64Array(matrix.columns)
  for (let row = 0; row < matrix.rows; row++) addScaled(sum, rowOf(matrix, row), x[row] as number)
  return sum
}
