/**
 * How far a release is from the exact aggregate, and how far the agents agree, without forming the weights' changes.
 *
 * Inner products of changes follow from those of the factors: <s B A, t D C> = s t tr((B' D)(C A')), so they do not depend on
 * how a change is split into factors. Sizes used below: K = contributions, R = all ranks together.
 * @module
 */

import { thinQr } from '../linear-algebra/householder.js'
import { dot, type Matrix, product, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import { rowProducts } from '../linear-algebra/row-products.js'
import { type Factors, type SharedFactors, stacked } from './module-factors.js'

/** What is compared for one weight. */
export interface Compared {
  readonly members: readonly SharedFactors[]
  readonly start: Factors | null // what all members started from
  readonly released: readonly Factors[] // which add up
}

/** Squares of Frobenius norms, which add up over modules. */
export interface Measured {
  readonly exact: number // of the exact aggregate
  readonly change: number // of the exact aggregate without what was started from
  readonly error: number // of the exact aggregate without what is released
  readonly averagedError: number // of the exact aggregate without the product of the averaged factors
  readonly changes: Matrix // (K, K): inner products of what each contribution changed
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

export function measure({ members, start, released }: Compared): Measured {
  const count = members.length
  const own: readonly Factors[] = members
  const started = start === null ? [] : [start]
  const mean = averaged(members)
  const terms = [...own, ...started, mean, ...released]
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
  return {
    exact: Math.max(0, whole),
    change: start === null ? Math.max(0, whole) : without(count, 1),
    error: without(count + started.length + 1, released.length),
    averagedError: without(count + started.length, 1),
    changes: changesOf(inner, count, start !== null),
  }
}

/** The means of A and of scaling * B, each filled up with zeros to the largest rank: what averaging the factors gives. */
export function averaged(members: readonly SharedFactors[]): Factors {
  const rank = Math.max(...members.map(({ a }) => a.rows))
  const a = zeroMatrix(rank, members[0]?.a.columns ?? 0)
  const b = zeroMatrix(rank, members[0]?.b.columns ?? 0)
  for (const member of members) {
    add(a, member.a, member.share)
    add(b, member.b, member.share * member.scaling)
  }
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

/** The square of the norm of a sum of changes that almost cancel, from its factors themselves. */
function directSquare(terms: readonly Factors[], weights: readonly number[]): number {
  const used = terms
    .map((term, at) => ({ term, weight: weights[at] as number }))
    .filter(({ weight }) => weight !== 0)
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
  return rest.reduce<Measured>(
    (so, part) => ({
      exact: so.exact + part.exact,
      change: so.change + part.change,
      error: so.error + part.error,
      averagedError: so.averagedError + part.averagedError,
      changes: {
        ...so.changes,
        data: so.changes.data.map((value, at) => value + (part.changes.data[at] ?? 0)),
      },
    }),
    first,
  )
}
