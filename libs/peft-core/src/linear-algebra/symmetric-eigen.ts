/**
 * The largest eigenvalues of a symmetric matrix and their vectors: Householder's tridiagonal form, bisection, inverse
 * iteration. Reference: Golub and Van Loan, Matrix Computations, sections 8.3 and 8.4.
 *
 * N is the side of the matrix.
 * @module
 */
import { addScaled, dot, type Matrix, rowOf, scale, zeroMatrix } from './matrix.js'
import { orthonormal } from './orthogonal.js'

export interface Eigenpairs {
  readonly values: Float64Array // descending
  readonly vectors: Matrix // (count, N), orthonormal rows
}

/** A symmetric matrix with entries only on its diagonal and beside it: H' T H is the matrix it was made from. */
interface Tridiagonal {
  readonly diagonal: Float64Array // (N)
  readonly beside: Float64Array // (N): entry k is at (k, k + 1); the last is 0
  readonly reflections: Matrix // (N, N): row k is the unit vector of the k-th reflection, or zero
}

/** The `count` largest eigenvalues of a symmetric matrix, which is overwritten. O(N^3) for the form, O(count N^2) more. */
export function leadingEigenpairs(matrix: Matrix, count: number): Eigenpairs {
  const form = tridiagonal(matrix)
  const values = new Float64Array(count)
  const vectors = zeroMatrix(count, matrix.rows)
  for (let index = 0; index < count; index++) {
    const value = eigenvalue(form, index)
    values[index] = value
    rowOf(vectors, index).set(eigenvector(form, value, { found: vectors, count: index }))
  }
  for (let index = 0; index < count; index++) {
    for (let step = matrix.rows - 3; step >= 0; step--)
      reflect(rowOf(vectors, index), rowOf(form.reflections, step))
  }
  return { values, vectors }
}

function reflect(x: Float64Array, unit: Float64Array): void {
  addScaled(x, unit, -2 * dot(unit, x))
}

function tridiagonal(matrix: Matrix): Tridiagonal {
  const side = matrix.rows
  const reflections = zeroMatrix(side, side)
  const diagonal = new Float64Array(side)
  const beside = new Float64Array(side)
  for (let step = 0; step < side; step++) {
    const row = rowOf(matrix, step)
    diagonal[step] = row[step] as number
    if (step === side - 1) break
    const rest = row.slice(step + 1)
    const norm = Math.sqrt(dot(rest, rest))
    const first = rest[0] as number
    if (step === side - 2 || norm === Math.abs(first)) {
      beside[step] = first
      continue
    }
    beside[step] = first > 0 ? -norm : norm
    rest[0] = first - (beside[step] as number)
    scale(rest, 1 / Math.sqrt(dot(rest, rest)))
    rowOf(reflections, step).set(rest, step + 1)
    reflectBothSides(matrix, rest, step + 1)
  }
  return { diagonal, beside, reflections }
}

/** S = P S P for the reflection P = I - 2 v v' and the part S of the matrix from `start` on. */
function reflectBothSides(matrix: Matrix, unit: Float64Array, start: number): void {
  const { rows, columns, data } = matrix
  const along = Float64Array.from(unit, (_, at) =>
    dot(data.subarray((start + at) * columns + start, (start + at + 1) * columns), unit),
  )
  addScaled(along, unit, -dot(along, unit))
  for (let row = start; row < rows; row++) {
    const part = data.subarray(row * columns + start, (row + 1) * columns)
    const [left, right] = [2 * (unit[row - start] as number), 2 * (along[row - start] as number)]
    for (let at = 0; at < part.length; at++)
      part[at] = (part[at] as number) - left * (along[at] as number) - right * (unit[at] as number)
  }
}

/** The eigenvalue of which `index` others are larger, by halving an interval until nothing lies between its ends. */
function eigenvalue(form: Tridiagonal, index: number): number {
  const bound = largestRow(form)
  let [low, high] = [-bound, bound]
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return middle
    if (countAbove(form, middle) > index) low = middle
    else high = middle
  }
}

/** Gershgorin: no eigenvalue is further from zero. */
function largestRow({ diagonal, beside }: Tridiagonal): number {
  const sums = diagonal.map(
    (entry, at) => Math.abs(entry) + Math.abs(beside[at] as number) + Math.abs(beside[at - 1] ?? 0),
  )
  return sums.reduce((most, sum) => Math.max(most, sum), Number.MIN_VALUE)
}

/** How many eigenvalues are larger than a number: the positive pivots of T - number I (Sylvester's law of inertia). */
function countAbove({ diagonal, beside }: Tridiagonal, number: number): number {
  let above = 0
  let pivot = 1
  for (let at = 0; at < diagonal.length; at++) {
    const link = beside[at - 1] ?? 0
    pivot = (diagonal[at] as number) - number - (link === 0 ? 0 : (link * link) / pivot)
    if (pivot === 0) pivot = -Number.MIN_VALUE * 2 ** 52
    if (pivot > 0) above++
  }
  return above
}

/** Inverse iterations; each multiplies the share of other vectors by about 1e-16 over their relative distance. */
const ITERATIONS = 3

function eigenvector(
  form: Tridiagonal,
  value: number,
  { found, count }: { readonly found: Matrix; readonly count: number },
): Float64Array {
  const solve = shiftedSolver(form, value)
  // Any start works that is not at right angles to the vector; this one has no pattern that a matrix may have.
  const start = form.diagonal.map(
    (_, at) => 0.5 + ((at * 0.6180339887498949 + count * 0.7548776662466927) % 1),
  )
  let vector = orthonormal(start, found, count)
  for (let pass = 0; pass < ITERATIONS; pass++) vector = orthonormal(solve(vector), found, count)
  return vector
}

/** Solves (T - shift I) x = b by elimination with row exchanges; a pivot of zero becomes a rounding error. */
function shiftedSolver(form: Tridiagonal, shift: number): (b: Float64Array) => Float64Array {
  const { beside } = form
  const side = beside.length
  const smallest = largestRow(form) * 2 ** -52
  const main = form.diagonal.map((entry) => entry - shift)
  const [above, second] = [beside.slice(), new Float64Array(side)]
  const factors = new Float64Array(side)
  const swapped = new Uint8Array(side)
  const entry = (of: Float64Array, at: number): number => of[at] as number
  for (let at = 0; at < side; at++) {
    const link = at + 1 < side ? entry(beside, at) : 0
    if (Math.abs(link) > Math.abs(entry(main, at))) {
      swapped[at] = 1
      const [oldMain, oldAbove] = [entry(main, at), entry(above, at)]
      main[at] = link
      above[at] = entry(main, at + 1)
      second[at] = entry(above, at + 1)
      main[at + 1] = oldAbove
      above[at + 1] = 0
      factors[at] = oldMain / link
    } else {
      if (Math.abs(entry(main, at)) < smallest) main[at] = smallest
      factors[at] = link / entry(main, at)
    }
    if (at + 1 === side) break
    main[at + 1] = entry(main, at + 1) - entry(factors, at) * entry(above, at)
    above[at + 1] = entry(above, at + 1) - entry(factors, at) * entry(second, at)
  }
  return (b) => {
    const x = Float64Array.from(b)
    for (let at = 0; at + 1 < side; at++) {
      const [here, next] = [entry(x, at), entry(x, at + 1)]
      x[at] = swapped[at] ? next : here
      x[at + 1] = swapped[at] ? here - entry(factors, at) * next : next - entry(factors, at) * here
    }
    for (let at = side - 1; at >= 0; at--) {
      const known = entry(above, at) * (x[at + 1] ?? 0) + entry(second, at) * (x[at + 2] ?? 0)
      x[at] = (entry(x, at) - known) / entry(main, at)
    }
    scale(x, 1 / Math.sqrt(dot(x, x)))
    return x
  }
}
