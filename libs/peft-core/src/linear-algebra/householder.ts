/**
 * The thin QR factorisation of a tall matrix by Householder's reflections, in float64.
 * Reference: Golub and Van Loan, Matrix Computations, 5.2.
 *
 * The matrix is given and kept as its columns, one after the other, because each is read whole many times.
 *
 * Sizes used below: M = length of a column, N = columns, K = min(M, N).
 * @module
 */
import { addScaled, dot, type Matrix, rowOf, scale, zeroMatrix } from './matrix.js'

/** columns = Q R */
export interface ThinQr {
  readonly r: Matrix // (K, N), zero below the diagonal
  /** Q c for each row c of `coefficients` (C, K): (C, M). */
  times(coefficients: Matrix): Matrix
}

/**
 * Factorises the matrix whose columns are the rows of `columns` (N, M), which is overwritten. Q has orthonormal columns to
 * working precision, also where the columns depend on each other. O(M N K).
 */
export function thinQr(columns: Matrix): ThinQr {
  const { rows: count, columns: length } = columns
  const steps = Math.min(count, length)
  const factors = new Float64Array(steps) // 2 / (v' v) for each reflection I - factor v v'
  const r = zeroMatrix(steps, count)
  for (let step = 0; step < steps; step++) {
    const vector = rowOf(columns, step).subarray(step)
    const diagonal = reflection(vector)
    factors[step] = diagonal.factor
    reflectRows(columns, step + 1, { vector, start: step, factor: diagonal.factor })
    r.data[step * count + step] = diagonal.value
    for (let column = step + 1; column < count; column++)
      r.data[step * count + column] = columns.data[column * length + step] as number
  }
  return { r, times: (coefficients) => timesQ(columns, factors, coefficients) }
}

/** Turns x into the vector of the reflection that takes it to (value, 0, 0, …). */
function reflection(x: Float64Array): { readonly factor: number; readonly value: number } {
  const most = x.reduce((so, entry) => Math.max(so, Math.abs(entry)), 0)
  if (most === 0) return { factor: 0, value: 0 }
  scale(x, 1 / most) // so that no square overflows or is lost
  const norm = Math.sqrt(dot(x, x))
  const first = x[0] as number
  const value = first > 0 ? -norm : norm
  x[0] = first - value
  return { factor: 2 / dot(x, x), value: value * most }
}

interface Reflection {
  readonly vector: Float64Array
  readonly start: number // where the vector begins in a row
  readonly factor: number
}

/** Applies a reflection to the rows from `from` on, four at a time. */
function reflectRows(rows: Matrix, from: number, { vector: v, start, factor }: Reflection): void {
  if (factor === 0) return
  let row = from
  for (; row + 3 < rows.rows; row += 4) {
    const [a, b, c, d] = [row, row + 1, row + 2, row + 3].map((at) => rowOf(rows, at).subarray(start))
    reflectFour(v, factor, a as Float64Array, b as Float64Array, c as Float64Array, d as Float64Array)
  }
  for (; row < rows.rows; row++) {
    const x = rowOf(rows, row).subarray(start)
    addScaled(x, v, -factor * dot(v, x))
  }
}

/** Four rows share each entry of the vector that is read. */
function reflectFour(
  v: Float64Array,
  factor: number,
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  d: Float64Array,
): void {
  let [sa, sb, sc, sd] = [0, 0, 0, 0]
  for (let at = 0; at < v.length; at++) {
    const entry = v[at] as number
    sa += entry * (a[at] as number)
    sb += entry * (b[at] as number)
    sc += entry * (c[at] as number)
    sd += entry * (d[at] as number)
  }
  sa *= factor
  sb *= factor
  sc *= factor
  sd *= factor
  for (let at = 0; at < v.length; at++) {
    const entry = v[at] as number
    a[at] = (a[at] as number) - sa * entry
    b[at] = (b[at] as number) - sb * entry
    c[at] = (c[at] as number) - sc * entry
    d[at] = (d[at] as number) - sd * entry
  }
}

function timesQ(vectors: Matrix, factors: Float64Array, coefficients: Matrix): Matrix {
  const result = zeroMatrix(coefficients.rows, vectors.columns)
  for (let row = 0; row < coefficients.rows; row++) rowOf(result, row).set(rowOf(coefficients, row))
  for (let step = factors.length - 1; step >= 0; step--) {
    const vector = rowOf(vectors, step).subarray(step)
    reflectRows(result, 0, { vector, start: step, factor: factors[step] as number })
  }
  return result
}
