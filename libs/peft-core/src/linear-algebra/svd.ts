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

/** How many rows are multiplied with as many others at once, so that a number that is read is used several times. */
const TILE = 4

/** A A' (M, M) */
function rowProducts(matrix: Matrix): Matrix {
  const side = matrix.rows
  const result = zeroMatrix(side, side)
  for (let row = 0; row < side; row += TILE) {
    for (let other = 0; other <= row; other += TILE) {
      for (const [at, value] of tileProducts(matrix, row, other).entries()) {
        const [i, j] = [row + (at % TILE), other + Math.floor(at / TILE)]
        if (i >= side || j >= side) continue
        result.data[i * side + j] = value
        result.data[j * side + i] = value
      }
    }
  }
  return result
}

/** The products of the rows from `row` on with those from `other` on; past the end, of the last row. */
function tileProducts({ rows, columns, data }: Matrix, row: number, other: number): readonly number[] {
  const start = (at: number): number => Math.min(at, rows - 1) * columns
  const [a, b, c, d] = [start(row), start(row + 1), start(row + 2), start(row + 3)]
  const [w, x, y, z] = [start(other), start(other + 1), start(other + 2), start(other + 3)]
  let [aw, bw, cw, dw, ax, bx, cx, dx] = [0, 0, 0, 0, 0, 0, 0, 0]
  let [ay, by, cy, dy, az, bz, cz, dz] = [0, 0, 0, 0, 0, 0, 0, 0]
  // One by one: to take them from an array here is four times slower.
  for (let at = 0; at < columns; at++) {
    const ra = data[a + at] as number
    const rb = data[b + at] as number
    const rc = data[c + at] as number
    const rd = data[d + at] as number
    const ow = data[w + at] as number
    const ox = data[x + at] as number
    const oy = data[y + at] as number
    const oz = data[z + at] as number
    aw += ra * ow
    bw += rb * ow
    cw += rc * ow
    dw += rd * ow
    ax += ra * ox
    bx += rb * ox
    cx += rc * ox
    dx += rd * ox
    ay += ra * oy
    by += rb * oy
    cy += rc * oy
    dy += rd * oy
    az += ra * oz
    bz += rb * oz
    cz += rc * oz
    dz += rd * oz
  }
  return [aw, bw, cw, dw, ax, bx, cx, dx, ay, by, cy, dy, az, bz, cz, dz]
}

/** A' x */
function transposedTimes(matrix: Matrix, x: Float64Array): Float64Array {
  const sum = new Float64Array(matrix.columns)
  for (let row = 0; row < matrix.rows; row++) addScaled(sum, rowOf(matrix, row), x[row] as number)
  return sum
}
