/**
 * The singular value decomposition of a small matrix by Jacobi's rotations from one side, in float64: each value and vector
 * is as exact as the matrix, however small the value is beside the others.
 * Reference: Demmel and Veselic, https://doi.org/10.1137/0613074
 * @module
 */
import { addScaled, dot, type Matrix, rowOf, scale, transposed, zeroMatrix } from './matrix.js'
import { orthonormal } from './orthogonal.js'

/** matrix = left diag(values) right, for a square matrix (N, N). */
export interface SquareSvd {
  readonly left: Matrix // (N, N), rows are the left vectors
  readonly values: Float64Array // (N), descending
  readonly right: Matrix // (N, N), rows are the right vectors
}

const SWEEPS = 60 // some eight are usual
const EPSILON = 2 ** -52

/**
 * All singular triples of a square matrix. Both sets of vectors are orthonormal, also those of values of zero.
 * The sign is chosen so that the largest entry of each left vector, the first of equals, is positive. O(N^3) a sweep.
 */
export function squareSvd(matrix: Matrix): SquareSvd {
  const side = matrix.rows
  if (matrix.columns !== side)
    throw new RangeError(`expected a square matrix, got (${side}, ${matrix.columns})`)
  // Rows of `images` are the columns of the matrix, turned until they are at right angles: matrix V = U diag(values).
  const images = transposed(matrix)
  const turns = zeroMatrix(side, side)
  for (let at = 0; at < side; at++) turns.data[at * (side + 1)] = 1
  for (let sweep = 0; sweep < SWEEPS && turned(images, turns); sweep++);
  return sorted(images, turns)
}

/** One pass over all pairs of rows; whether any was turned. */
function turned(images: Matrix, turns: Matrix): boolean {
  let any = false
  const orthogonal = EPSILON * Math.sqrt(images.columns) // what rounding leaves of a product of the two
  const squares = Float64Array.from({ length: images.rows }, (_, row) => {
    const image = rowOf(images, row)
    return dot(image, image)
  })
  for (let one = 0; one < images.rows - 1; one++) {
    for (let other = one + 1; other < images.rows; other++) {
      const [x, y] = [rowOf(images, one), rowOf(images, other)]
      const [a, b] = [squares[one] as number, squares[other] as number]
      const cross = dot(x, y)
      if (Math.abs(cross) <= orthogonal * Math.sqrt(a * b)) continue
      any = true
      const slope = (b - a) / (2 * cross)
      const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.sqrt(1 + slope * slope))
      const cosine = 1 / Math.sqrt(1 + tangent * tangent)
      const sine = cosine * tangent
      rotate(x, y, cosine, sine)
      rotate(rowOf(turns, one), rowOf(turns, other), cosine, sine)
      squares[one] = dot(x, x)
      squares[other] = dot(y, y)
    }
  }
  return any
}

/** (x, y) becomes (cosine x - sine y, sine x + cosine y), in place. */
function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let at = 0; at < x.length; at++) {
    const [a, b] = [x[at] as number, y[at] as number]
    x[at] = cosine * a - sine * b
    y[at] = sine * a + cosine * b
  }
}

function sorted(images: Matrix, turns: Matrix): SquareSvd {
  const side = images.rows
  const norms = Float64Array.from({ length: side }, (_, row) => {
    const image = rowOf(images, row)
    return Math.sqrt(dot(image, image))
  })
  const order = Array.from(norms.keys()).sort((a, b) => (norms[b] as number) - (norms[a] as number) || a - b)
  const [left, right] = [zeroMatrix(side, side), zeroMatrix(side, side)]
  const values = Float64Array.from(order, (row) => norms[row] as number)
  for (const [at, row] of order.entries()) {
    const [value, image] = [values[at] as number, rowOf(left, at)]
    if (value > 0) addScaled(image, rowOf(images, row), 1 / value)
    if (value <= (values[0] as number) * EPSILON * side) image.set(orthonormal(image, left, at))
    rowOf(right, at).set(rowOf(turns, row))
    if (signOf(image) < 0) {
      scale(image, -1)
      scale(rowOf(right, at), -1)
    }
  }
  return { left, values, right }
}

/** The sign of the entry that is largest without its sign, the first of equals. */
export function signOf(vector: Float64Array): number {
  let most = 0
  for (const entry of vector) if (Math.abs(entry) > Math.abs(most)) most = entry
  return most < 0 ? -1 : 1
}
