/**
 * How far a release is from the exact aggregate, and how far the agents agree, without forming the weights' changes.
 *
 * Inner products of changes follow from those of the factors: <s B A, t D C> = s t tr((B' D)(C A')), so they do not depend on
 * how a change is split into factors. Sizes used below: K = contributions, R = all ranks together.
 * @module
 */

import { thinQr } from '../linear-algebra/householder.js'
import { dot, type Matrix, product, rowsTimesRows, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import { rowProducts } from '../linear-algebra/row-products.js'
import { addChange, denseSum, innerWith } from './dense-sum.js'
import { type Factors, innerProduct, type SharedFactors, stacked } from './module-factors.js'
import type { ModuleStack } from './module-stack.js'

/** What is compared for one weight. */
export interface Compared {
  readonly stack: ModuleStack
  readonly shares: readonly number[] // of each contribution
  readonly start: Factors | null // what all members started from
  readonly released: readonly Factors[] // which add up
}

/** Squares of Frobenius norms, which add up over modules. */
export interface Measured {
  readonly exact: number // of the exact aggregate
  readonly change: number // of the exact aggregate without what was started from
  readonly error: number // of the exact aggregate without what is released
  readonly averagedError: number // of the exact aggregate without the product of the averaged factors
  readonly own: Float64Array // (K): of what each contribution changed
  readonly along: Float64Array // (K): its inner products with the mean of what they changed
  readonly pairs: Matrix | null // (K, K): the inner products of all pairs; null where they would take too long
}

/** What was measured of one module. */
export interface MeasuredModule {
  readonly module: string
  readonly rank: number
  readonly measured: Measured
  readonly dropped: number | null // the share of the energy that was left out on purpose
}

/** Below this share of the square of a norm, too few digits of a difference of inner products are left. */
const CANCELLED = 1e-9

/** Through the products of all factors, or of a stack that is larger than the weight, by forming the sum. */
export async function measure(compared: Compared): Promise<Measured> {
  return compared.stack.isLarge ? measureLarge(compared) : measureKept(compared, await compared.stack.all())
}

async function measureKept(
  { stack, start, released }: Compared,
  members: readonly SharedFactors[],
): Promise<Measured> {
  const count = members.length
  const own: readonly Factors[] = members
  const started = start === null ? [] : [start]
  const terms = [...own, ...started, await averaged(stack), ...released]
  const inner = innerProducts(terms)
  const shares = members.map(({ share }) => share)
  const zero = terms.map(() => 0)
  const exact = [...shares, ...zero.slice(count)]
  const square = (weights: readonly number[]): number => quadratic(inner, weights)
  const whole = square(exact)
  const without = (from: number, many: number): number => {
    const weights = exact.map((weight, at) => (at >= from && at < from + many ? -1 : weight))
    const found = square(weights)
    return found > CANCELLED * whole ? found : directSquare(terms, weights)
  }
  const pairs = changesOf(inner, count, start !== null)
  const mean = { rows: 1, columns: count, data: Float64Array.from(shares) }
  return {
    exact: Math.max(0, whole),
    change: start === null ? Math.max(0, whole) : without(count, 1),
    error: without(count + started.length + 1, released.length),
    averagedError: without(count + started.length, 1),
    own: Float64Array.from(shares, (_, at) => pairs.data[at * (count + 1)] as number),
    along: rowsTimesRows(pairs, mean).data,
    pairs,
  }
}

/** Forms the sum, and reads the contributions three times, one after the other. */
async function measureLarge({ stack, shares, start, released }: Compared): Promise<Measured> {
  const sum = await denseSum(stack)
  const normOfSum = dot(sum.data, sum.data)
  const ofStart = start === null ? 0 : innerProduct(start, start)
  const startWithSum = start === null ? 0 : innerWith(sum, start)
  const [own, along] = [new Float64Array(shares.length), new Float64Array(shares.length)]
  let at = 0
  for await (const member of stack.each()) {
    const withStart = start === null ? 0 : innerProduct(member, start)
    own[at] = innerProduct(member, member) - 2 * withStart + ofStart
    along[at] = innerWith(sum, member) - withStart - startWithSum + ofStart
    at++
  }
  const squareWithout = (others: readonly Factors[]): number => {
    for (const other of others) addChange(sum, other, -1)
    const square = dot(sum.data, sum.data)
    for (const other of others) addChange(sum, other, 1)
    return square
  }
  return {
    exact: normOfSum,
    change: start === null ? normOfSum : squareWithout([start]),
    error: squareWithout(released),
    averagedError: squareWithout([await averaged(stack)]),
    own,
    along,
    pairs: null,
  }
}

/** The means of A and of scaling * B, each filled up with zeros to the largest rank: what averaging the factors gives. */
export async function averaged({ ranks, each }: Pick<ModuleStack, 'ranks' | 'each'>): Promise<Factors> {
  let [a, b]: (Matrix | undefined)[] = []
  for await (const member of each()) {
    a ??= zeroMatrix(Math.max(...ranks), member.a.columns)
    b ??= zeroMatrix(Math.max(...ranks), member.b.columns)
    add(a, member.a, member.share)
    add(b, member.b, member.share * member.scaling)
  }
  if (a === undefined || b === undefined)
    throw new RangeError('a stack expected one contribution or more, got none')
  return { scaling: 1, a, b }
}

function add(sum: Matrix, term: Matrix, factor: number): void {
  for (let at = 0; at < term.data.length; at++)
    sum.data[at] = (sum.data[at] as number) + factor * (term.data[at] as number)
}

/** <DW_i, DW_j> of all pairs. O(R^2 (inputs + outputs)) */
export function innerProducts(terms: readonly Factors[]): Matrix {
  const ofA = rowProducts(stacked(terms.map(({ a }) => ({ matrix: a, factor: 1 }))))
  const ofB = rowProducts(stacked(terms.map(({ b, scaling }) => ({ matrix: b, factor: scaling }))))
  const result = zeroMatrix(terms.length, terms.length)
  const owners = terms.flatMap(({ a }, at) => Array.from({ length: a.rows }, () => at))
  for (const [row, one] of owners.entries()) {
    for (const [column, other] of owners.entries()) {
      const [at, into] = [row * owners.length + column, one * terms.length + other]
      result.data[into] = (result.data[into] as number) + (ofA.data[at] as number) * (ofB.data[at] as number)
    }
  }
  return result
}

/** x' G x */
function quadratic(gram: Matrix, x: readonly number[]): number {
  const weights = Float64Array.from(x)
  let sum = 0
  for (let row = 0; row < gram.rows; row++)
    sum += (x[row] as number) * dot(gram.data.subarray(row * gram.columns, (row + 1) * gram.columns), weights)
  return sum
}

/**
 * The square of the norm of a sum of changes that almost cancel, from its factors themselves, or from the sum where they are as
 * many as its rows or columns: then it takes a quarter of the time, and no more memory.
 */
function directSquare(terms: readonly Factors[], weights: readonly number[]): number {
  const used = terms
    .map((term, at) => ({ term, weight: weights[at] as number }))
    .filter(({ weight }) => weight !== 0)
  const [outputs, inputs] = [used[0]?.term.b.columns ?? 0, used[0]?.term.a.columns ?? 0]
  if (used.reduce((sum, { term }) => sum + term.a.rows, 0) >= Math.min(outputs, inputs)) {
    const sum = zeroMatrix(outputs, inputs)
    for (const { term, weight } of used) addChange(sum, term, weight)
    return dot(sum.data, sum.data)
  }
  const a = thinQr(stacked(used.map(({ term }) => ({ matrix: term.a, factor: 1 }))))
  const b = thinQr(
    stacked(used.map(({ term, weight }) => ({ matrix: term.b, factor: weight * term.scaling }))),
  )
  const { data } = product(b.r, transposed(a.r))
  return dot(data, data)
}

/** Inner products of DW_i - DW_start; the start is the term after the members. */
function changesOf(inner: Matrix, count: number, hasStart: boolean): Matrix {
  const at = (row: number, column: number): number => inner.data[row * inner.columns + column] as number
  const result = zeroMatrix(count, count)
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      const start = hasStart ? at(count, count) - at(row, count) - at(count, column) : 0
      result.data[row * count + column] = at(row, column) + start
    }
  }
  return result
}

/** Squares and inner products added up; null of nothing. */
export function sumOf(parts: readonly Measured[]): Measured | null {
  const [first, ...rest] = parts
  if (first === undefined) return null
  const sum = (one: Float64Array, other: Float64Array): Float64Array =>
    one.map((value, at) => value + (other[at] ?? 0))
  return rest.reduce<Measured>(
    (so, part) => ({
      exact: so.exact + part.exact,
      change: so.change + part.change,
      error: so.error + part.error,
      averagedError: so.averagedError + part.averagedError,
      own: sum(so.own, part.own),
      along: sum(so.along, part.along),
      pairs:
        so.pairs === null || part.pairs === null
          ? null
          : { ...so.pairs, data: sum(so.pairs.data, part.pairs.data) },
    }),
    first,
  )
}
