/**
 * The largest eigenvalues of a symmetric matrix and their vectors: the iteration of Lanczos with every direction kept at
 * right angles to all others, bisection, inverse iteration. Reference: Golub and Van Loan, Matrix Computations, 8.4 and 10.1.
 *
 * N is the side of the matrix, M the number of steps.
 * @module
 */
import { addScaled, dot, type Matrix, rowOf, scale, zeroMatrix } from './matrix.js'
import { orthonormal } from './orthogonal.js'

export interface Eigenpairs {
  readonly values: Float64Array // descending
  readonly vectors: Matrix // (count, N), orthonormal rows
}

interface Eigenpair {
  readonly value: number
  readonly vector: Float64Array // (N)
}

/** A symmetric matrix with entries only on its diagonal and beside it. */
interface Tridiagonal {
  readonly diagonal: Float64Array // (M)
  readonly beside: Float64Array // (M): entry k is at (k, k + 1); the last is what leads out of the matrix
}

/** What is left of A v - value v, relative to the largest value, when a pair counts as found. */
const RESIDUAL = 1e-14

/** How far, relative to the largest, a value must be above another one to be a different one. */
const LARGER = 1e-12

/**
 * The `count` largest eigenvalues of a symmetric matrix without negative ones. O(M N^2 + M^2 N), with M from some dozens
 * for values that decay to N when nothing sets the largest apart.
 */
export function leadingEigenpairs(matrix: Matrix, count: number): Eigenpairs {
  const found = [...lanczos(matrix, count, [])]
  // An iteration sees one direction of a value that occurs several times; the next, at right angles, sees another.
  for (;;) {
    const [other] = found.length < matrix.rows ? lanczos(matrix, 1, found) : []
    const least = found.at(-1)?.value ?? 0
    if (other === undefined || other.value <= least + LARGER * (found[0]?.value ?? 0)) break
    found.pop()
    found.push(other)
    found.sort((one, another) => another.value - one.value)
  }
  const vectors = zeroMatrix(count, matrix.rows)
  for (const [index, { vector }] of found.entries()) rowOf(vectors, index).set(vector)
  return { values: Float64Array.from(found, ({ value }) => value), vectors }
}

/** The `count` largest eigenpairs of a matrix at right angles to the known ones. */
function lanczos(matrix: Matrix, count: number, known: readonly Eigenpair[]): readonly Eigenpair[] {
  const side = matrix.rows
  const most = side - known.length
  // Rows: the known vectors, then the directions of the iteration.
  const basis = zeroMatrix(side, side)
  for (const [index, { vector }] of known.entries()) rowOf(basis, index).set(vector)
  const [diagonal, beside] = [new Float64Array(most), new Float64Array(most)]
  let direction = orthonormal(scattered(side, known.length), basis, known.length)
  for (let step = 0; ; step++) {
    const taken = known.length + step + 1
    rowOf(basis, taken - 1).set(direction)
    const image = times(matrix, direction)
    diagonal[step] = dot(direction, image)
    const isLast = step + 1 === most
    const norm = isLast ? 0 : project(image, basis, taken)
    beside[step] = norm
    const steps = step + 1
    if (isLast || (steps >= count && steps % CHECKED === 0)) {
      const form = { diagonal: diagonal.slice(0, steps), beside: beside.slice(0, steps) }
      const pairs = leadingPairs(form, Math.min(count, steps))
      const bound = RESIDUAL * (pairs[0]?.value ?? 0)
      if (isLast || pairs.every(({ vector }) => norm * Math.abs(vector.at(-1) as number) <= bound))
        return pairs.map(({ value, vector }) => ({ value, vector: combined(basis, known.length, vector) }))
    }
    if (norm > EXHAUSTED * largestRow({ diagonal, beside })) {
      scale(image, 1 / norm)
      direction = image
    } else {
      beside[step] = 0
      direction = orthonormal(scattered(side, taken), basis, taken)
    }
  }
}

/** Steps between two looks at what has been found. */
const CHECKED = 12

/** What share of a product must be new for its direction to mean something. */
const EXHAUSTED = 1e-14

/** Numbers without a pattern that a matrix may have. */
function scattered(length: number, seed: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, at) => ((at * 0.6180339887498949 + (at * at + seed) * 0.7548776662466927) % 1) - 0.5,
  )
}

/** A x, for a symmetric A. */
function times(matrix: Matrix, x: Float64Array): Float64Array {
  return Float64Array.from({ length: matrix.rows }, (_, row) => dot(rowOf(matrix, row), x))
}

/** Takes from x, in place, what lies in the first `count` rows of a basis, twice; the length of the rest. */
function project(x: Float64Array, basis: Matrix, count: number): number {
  for (let pass = 0; pass < 2; pass++) {
    for (let row = 0; row < count; row++) addScaled(x, rowOf(basis, row), -dot(rowOf(basis, row), x))
  }
  return Math.sqrt(dot(x, x))
}

/** The sum of a basis' rows from `start` on, by their shares; of length 1. */
function combined(basis: Matrix, start: number, shares: Float64Array): Float64Array {
  const sum = new Float64Array(basis.columns)
  for (const [at, share] of shares.entries()) addScaled(sum, rowOf(basis, start + at), share)
  scale(sum, 1 / Math.sqrt(dot(sum, sum)))
  return sum
}

function leadingPairs(form: Tridiagonal, count: number): readonly Eigenpair[] {
  const vectors = zeroMatrix(count, form.diagonal.length)
  return Array.from({ length: count }, (_, index) => {
    const value = eigenvalue(form, index)
    const vector = eigenvector(form, value, { found: vectors, count: index })
    rowOf(vectors, index).set(vector)
    return { value, vector }
  })
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
  let vector = orthonormal(scattered(form.diagonal.length, count), found, count)
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
