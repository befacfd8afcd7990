/**
 * What the gradient of a low-rank factor gives away. With y = W x + s B A x, a text of hidden states x_1 … x_T has
 *
 *   dB = s sum_t dy_t (A x_t)^T
 *
 * whose rows all lie in the span of A x_1 … A x_T. Fewer hidden states than the rank leave directions in which nothing lies, and
 * a guess x can be tested: A x is in the span only for what was in the text. With as many states as the rank, the span is
 * everything and says nothing. After https://arxiv.org/abs/2405.15586 (DAGER), for adapters.
 *
 * Sizes used below: O = outputs, R = rank.
 * @module
 */
import { expectFinite } from './scores.js'

export interface Gradient {
  readonly data: ArrayLike<number> // (O, R)
  readonly rank: number
}

/** Directions (R), orthonormal, strongest first, with the share of the squared norm that lies along each. */
export interface Span {
  readonly directions: readonly Float64Array[]
  readonly shares: readonly number[]
}

const RESOLUTION = 1e-10 // of the squared norm: below it lies the rounding of 32-bit numbers

/** The directions of the rows of a gradient. RangeError for values that are not finite, or a size that does not divide. */
export function spanOf({ data, rank }: Gradient): Span {
  expectFinite('gradient', data)
  if (!Number.isInteger(rank) || rank < 1 || data.length % rank !== 0)
    throw new RangeError(`gradient expected rows of ${rank} values, got ${data.length} values`)
  const squares = Array.from({ length: rank }, () => new Float64Array(rank)) // (R, R), dB^T dB
  for (let row = 0; row < data.length; row += rank)
    for (let i = 0; i < rank; i++)
      for (let j = 0; j < rank; j++)
        (squares[i] as Float64Array)[j] =
          (squares[i]?.[j] as number) + (data[row + i] as number) * (data[row + j] as number)
  return eigenvectors(squares)
}

/** How many directions are more than rounding: of a gradient of distinct hidden states, their number. */
export function directionsIn({ shares }: Span): number {
  return shares.filter((share) => share > RESOLUTION).length
}

/** The share of a vector's squared norm that lies outside of the `count` strongest directions: 0 inside, 1 across. */
export function outside(vector: ArrayLike<number>, { directions }: Span, count: number): number {
  const norm = dot(vector, vector)
  if (!(norm > 0)) return 1
  const inside = directions.slice(0, count).reduce((sum, direction) => sum + dot(vector, direction) ** 2, 0)
  return Math.max(0, 1 - inside / norm)
}

/** The share of the squared norm of a gradient's rows that lies outside of the `count` strongest directions of a span. */
export function rowsOutside(gradient: Gradient, { directions }: Span, count: number): number {
  const { data, rank } = gradient
  let [norm, inside] = [0, 0]
  for (let start = 0; start < data.length; start += rank) {
    const row = Array.from({ length: rank }, (_, at) => data[start + at] as number)
    norm += dot(row, row)
    for (const direction of directions.slice(0, count)) inside += dot(row, direction) ** 2
  }
  return norm > 0 ? Math.max(0, 1 - inside / norm) : 1
}

/** Jacobi's method for a symmetric matrix, which it changes. */
function eigenvectors(matrix: readonly Float64Array[]): Span {
  const size = matrix.length
  const at = (i: number, j: number): number => matrix[i]?.[j] as number
  const vectors = Array.from({ length: size }, (_, i) =>
    Float64Array.from({ length: size }, (_, j) => (i === j ? 1 : 0)),
  )
  const total = matrix.reduce((sum, row, i) => sum + (row[i] as number), 0)
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) off += at(i, j) ** 2
    if (off <= (1e-15 * total) ** 2) break
    for (let i = 0; i < size; i++)
      for (let j = i + 1; j < size; j++) {
        if (at(i, j) === 0) continue
        const theta = (at(j, j) - at(i, i)) / (2 * at(i, j))
        const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const cosine = 1 / Math.hypot(tangent, 1)
        const turn = (rows: readonly Float64Array[], a: number, b: number, k: number): void => {
          const [first, second] = [rows[a] as Float64Array, rows[b] as Float64Array]
          const [x, y] = [first[k] as number, second[k] as number]
          first[k] = cosine * (x - tangent * y)
          second[k] = cosine * (tangent * x + y)
        }
        for (let k = 0; k < size; k++) {
          const row = matrix[k] as Float64Array
          const [x, y] = [row[i] as number, row[j] as number]
          row[i] = cosine * (x - tangent * y)
          row[j] = cosine * (tangent * x + y)
        }
        for (let k = 0; k < size; k++) {
          turn(matrix, i, j, k)
          turn(vectors, i, j, k)
        }
      }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => at(b, b) - at(a, a))
  return {
    directions: order.map((i) => vectors[i] as Float64Array),
    shares: order.map((i) => (total > 0 ? Math.max(0, at(i, i)) / total : 0)),
  }
}

function dot(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number)
  return sum
}
