import { addScaled, dot, type Matrix, product, rowOf, scale, transposed, zeroMatrix } from './matrix.js'

export interface Factorisation {
  readonly q: Matrix // (M, K), orthonormal columns
  readonly r: Matrix // (K, N), upper triangular
}

/**
 * The first `count` columns of Q and rows of R in the QR factorisation of a matrix (M, N), count <= min(M, N):
 * Q R is the orthogonal projection of the matrix on the span of its first `count` columns. The diagonal of R is not
 * negative. A column that depends on those before it gets an arbitrary direction at right angles to them.
 * Gram-Schmidt, run twice. Reference: Giraud et al., https://doi.org/10.1007/s00211-005-0615-4
 */
export function leadingQr(matrix: Matrix, count: number): Factorisation {
  const { rows, columns, data } = matrix
  if (!(count >= 1 && count <= Math.min(rows, columns))) {
    throw new RangeError(`count expected a whole number in 1 to ${Math.min(rows, columns)}, got ${count}`)
  }
  const basis = zeroMatrix(count, rows) // rows are the columns of Q
  for (let column = 0; column < count; column++) {
    const vector = Float64Array.from({ length: rows }, (_, row) => data[row * columns + column] as number)
    rowOf(basis, column).set(orthonormal(vector, basis, column))
  }
  const q = transposed(basis)
  const r = product(basis, matrix)
  for (let row = 1; row < count; row++) rowOf(r, row).fill(0, 0, row)
  return { q, r }
}

/** What share of a vector must be left after the projection for its direction to mean something. */
const DEPENDENT = 1e-12

/** The unit vector at right angles to the first `count` rows of a basis that is nearest to the direction of `vector`. */
export function orthonormal(vector: Float64Array, basis: Matrix, count: number): Float64Array {
  let direction = vector
  let next = 0
  for (;;) {
    const before = Math.sqrt(dot(direction, direction))
    const left = Float64Array.from(direction)
    for (let pass = 0; pass < 2; pass++) {
      for (let row = 0; row < count; row++) addScaled(left, rowOf(basis, row), -dot(rowOf(basis, row), left))
    }
    const norm = Math.sqrt(dot(left, left))
    if (norm > before * DEPENDENT) {
      scale(left, 1 / norm)
      return left
    }
    direction = new Float64Array(vector.length)
    direction[next++] = 1
  }
}
