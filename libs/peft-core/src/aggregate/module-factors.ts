/**
 * The factors of one module as every contribution has them.
 *
 * Sizes used below: R = rank, I = inputs, O = outputs.
 * @module
 */
import type { FactorPair } from '../adapter/factors.js'
import { dot, type Matrix, rowOf, rowsTimesRows, transposed, zeroMatrix } from '../linear-algebra/matrix.js'
import type { Member } from './cohort.js'
import { type Contribution, matrixIn, valuesOf } from './contribution.js'

/** scaling * B A, the change of one weight. Both factors lie so that a row belongs to one rank. */
export interface Factors {
  readonly scaling: number
  readonly a: Matrix // (R, I)
  readonly b: Matrix // (R, O): the columns of B
}

/** What one contribution has for a module. */
export interface SharedFactors extends Factors {
  readonly share: number
}

/** The factors of a module of one contribution: one pair, or one for each expert. */
export async function factorsIn(member: Member, path: string): Promise<readonly Factors[]> {
  const pair = pairOf(member, path)
  const [a, b] = [await matrixIn(member, pair.keyA), transposed(await matrixIn(member, pair.keyB))]
  return split(pair, a, b)
}

/** RangeError when a module is not there. */
export function pairOf({ id, pairs }: Pick<Member, 'id' | 'pairs'>, path: string): FactorPair {
  const pair = pairs.get(path)
  if (pair === undefined) throw new RangeError(`${id} expected factors for "${path}", got none`)
  return pair
}

/** The bias of B of one contribution, multiplied with its scaling. */
export async function scaledBias(contribution: Contribution, pair: FactorPair): Promise<Float64Array | null> {
  if (pair.keyBias === undefined) return null
  return (await valuesOf(contribution, pair.keyBias)).map((value) => pair.scaling * value)
}

/** Experts: A (experts rank, I) expert by expert, B (O, rank experts) rank by rank. */
function split({ rank, scaling, experts = 1 }: FactorPair, a: Matrix, b: Matrix): readonly Factors[] {
  if (experts === 1) return [{ scaling, a, b }]
  return Array.from({ length: experts }, (_, expert) => {
    const own = zeroMatrix(rank, b.columns)
    for (let row = 0; row < rank; row++) rowOf(own, row).set(rowOf(b, row * experts + expert))
    const start = expert * rank * a.columns
    const data = a.data.subarray(start, start + rank * a.columns)
    return { scaling, a: { rows: rank, columns: a.columns, data }, b: own }
  })
}

/** The factors of all experts as they are stored, each filled up with zeros to the largest rank: A (experts R, I), columns of B. */
export function joined(parts: readonly Factors[]): { readonly a: Matrix; readonly b: Matrix } {
  const [first] = parts
  if (first === undefined) throw new RangeError('expected the factors of one matrix or more, got none')
  if (parts.length === 1) return first
  const rank = Math.max(...parts.map(({ a }) => a.rows))
  const a = zeroMatrix(rank * parts.length, first.a.columns)
  const b = zeroMatrix(rank * parts.length, first.b.columns)
  for (const [expert, part] of parts.entries()) {
    for (let row = 0; row < part.a.rows; row++) {
      rowOf(a, expert * rank + row).set(rowOf(part.a, row))
      rowOf(b, row * parts.length + expert).set(rowOf(part.b, row))
    }
  }
  return { a, b }
}

/** Rows of several matrices one below the other, each multiplied with a number. */
export function stacked(parts: readonly { readonly matrix: Matrix; readonly factor: number }[]): Matrix {
  const columns = parts[0]?.matrix.columns ?? 0
  const result = zeroMatrix(
    parts.reduce((sum, { matrix }) => sum + matrix.rows, 0),
    columns,
  )
  let at = 0
  for (const { matrix, factor } of parts) {
    for (let index = 0; index < matrix.data.length; index++)
      result.data[at++] = factor * (matrix.data[index] as number)
  }
  return result
}

/** s t tr((B' D)(C A')): the inner product of two changes, s B A and t D C. */
export function innerProduct(one: Factors, other: Factors): number {
  const [ofA, ofB] = [rowsTimesRows(one.a, other.a), rowsTimesRows(one.b, other.b)]
  return one.scaling * other.scaling * dot(ofA.data, ofB.data)
}
