import { addScaled, dot, type Matrix, rowOf, scale } from './matrix.js'

/**
 * Solves S X = C for a symmetric positive definite S (N, N) and C (N, M), by Cholesky's factorisation S = L L'.
 * Reference: Golub and Van Loan, Matrix Computations, 4.2. RangeError when S is not positive definite to working precision.
 */
export function solveSymmetric(matrix: Matrix, right: Matrix): Matrix {
  const side = matrix.rows
  if (matrix.columns !== side || right.rows !== side) {
    throw new RangeError(
      `expected (N, N) and (N, M), got (${side}, ${matrix.columns}) and (${right.rows}, ${right.columns})`,
    )
  }
  const lower = { ...matrix, data: matrix.data.slice() }
  for (let row = 0; row < side; row++) {
    const own = rowOf(lower, row)
    for (let column = 0; column <= row; column++) {
      const other = rowOf(lower, column)
      const rest = (own[column] as number) - dot(own.subarray(0, column), other.subarray(0, column))
      if (column < row) own[column] = rest / (other[column] as number)
      else if (rest > side * EPSILON * (matrix.data[row * (side + 1)] as number)) own[row] = Math.sqrt(rest)
      else throw new RangeError(`expected a positive definite matrix, got a pivot of ${rest} in row ${row}`)
    }
  }
  const x = { ...right, data: right.data.slice() }
  for (let row = 0; row < side; row++) {
    const own = rowOf(x, row)
    for (let column = 0; column < row; column++)
      addScaled(own, rowOf(x, column), -(lower.data[row * side + column] as number))
    scale(own, 1 / (lower.data[row * (side + 1)] as number))
  }
  for (let row = side - 1; row >= 0; row--) {
    const own = rowOf(x, row)
    for (let column = row + 1; column < side; column++)
      addScaled(own, rowOf(x, column), -(lower.data[column * side + row] as number))
    scale(own, 1 / (lower.data[row * (side + 1)] as number))
  }
  return x
}

const EPSILON = 2 ** -52
