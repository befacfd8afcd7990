/**
 * Inner products of whole updates, u_k = vec(W_k - W) with W_k = s_k B_k A_k, in float64 and without ever forming one:
 *
 *   <s_i B_i A_i, s_j B_j A_j> = s_i s_j tr((B_i' B_j)(A_j A_i'))
 *
 * Many factors have the same product, (B Q)(Q^-1 A) = B A, so norms and distances of raw factors say nothing about the model;
 * these do. Sizes used below: K updates, O outputs, I inputs, R rank.
 * @module
 */
import { type Matrix, zeroMatrix } from '../linear-algebra/matrix.js'
import { rowProducts } from '../linear-algebra/row-products.js'
import type { AdapterParts, FactorReader, ModuleFactors, Values } from './factor-reader.js'

/** One agent's adapter after its training. `id` names it in errors. */
export interface ReadUpdate extends FactorReader {
  readonly id: string
}

/**
 * The Gram matrix (K, K) of the changes that the updates make to the model: G_ij = <u_i, u_j>, over all modules and all other
 * tensors. `start` is the adapter that all of them started from; their ranks and scalings may differ from it and each other.
 *
 * Takes (K R)^2 (O + I) multiplications for each module, and the memory of that module's factors of all updates.
 * RangeError, naming the update and the tensor, when a value is not finite or a size does not fit.
 */
export async function gramMatrix(
  start: FactorReader,
  updates: readonly ReadUpdate[],
  { modules, tensors }: AdapterParts,
): Promise<Matrix> {
  if (updates.length === 0) throw new RangeError('updates expected at least one, got none')
  const gram = zeroMatrix(updates.length, updates.length)
  for (const module of modules) {
    const own = await start.factors(module)
    const found = await Promise.all(updates.map((update) => update.factors(module)))
    for (const [index, factors] of found.entries()) expectFactors(factors, own, [updates[index]!.id, module])
    addInto(gram, moduleProducts(own, found))
  }
  for (const tensor of tensors) {
    const own = await start.values(tensor)
    const found = await Promise.all(updates.map((update) => update.values(tensor)))
    for (const [index, values] of found.entries())
      expectValues(values, own.length, [updates[index]!.id, tensor])
    addInto(gram, rowProducts(stacked(found.map((values) => difference(values, own)))))
  }
  return gram
}

/** A part of a change: factor * B A, for the rows from `b` on of all B' and from `a` on of all A. */
interface Term {
  readonly factor: number
  readonly b: number
  readonly a: number
  readonly rank: number
}

/** The inner products of the changes of one module. */
function moduleProducts(start: ModuleFactors, found: readonly ModuleFactors[]): Matrix {
  const [rowsA, rowsB] = [createRows(), createRows()]
  const changes = changesOf(start, found, rowsA, rowsB)
  const [a, b] = [rowProducts(stacked(rowsA.rows)), rowProducts(stacked(rowsB.rows))]
  const gram = zeroMatrix(found.length, found.length)
  for (const [i, left] of changes.entries()) {
    for (let j = i; j < changes.length; j++) {
      let sum = 0
      for (const p of left) for (const q of changes[j]!) sum += p.factor * q.factor * traceOf(p, q, { a, b })
      gram.data[i * found.length + j] = sum
      gram.data[j * found.length + i] = sum
    }
  }
  return gram
}

/**
 * With W = s B A, an update of the same rank and scaling is s (D A + B E + D E) for the differences D and E of its factors:
 * a small change is not the small difference of two large products then. Any other is s_k B_k A_k - s B A.
 */
function changesOf(
  start: ModuleFactors,
  found: readonly ModuleFactors[],
  rowsA: Rows,
  rowsB: Rows,
): readonly (readonly Term[])[] {
  const [a, b] = [rowsA.add(start.a, start.rank), rowsB.add(columnsOf(start.b, start.rank), start.rank)]
  return found.map((update) => {
    const { rank, scaling: factor } = update
    if (rank !== start.rank || factor !== start.scaling) {
      const [ownA, ownB] = [rowsA.add(update.a, rank), rowsB.add(columnsOf(update.b, rank), rank)]
      return termsOf([factor, ownB, ownA, rank], [-start.scaling, b, a, start.rank])
    }
    const changedA = rowsA.add(difference(update.a, start.a), rank)
    const changedB = rowsB.add(columnsOf(difference(update.b, start.b), rank), rank)
    return termsOf(
      [factor, changedB, a, rank],
      [factor, b, changedA, rank],
      [factor, changedB, changedA, rank],
    )
  })
}

type MaybeTerm = readonly [factor: number, b: number | null, a: number | null, rank: number]

function termsOf(...terms: readonly MaybeTerm[]): readonly Term[] {
  return terms.flatMap(([factor, b, a, rank]) => (b === null || a === null ? [] : [{ factor, b, a, rank }]))
}

/** tr((B_p' B_q)(A_q A_p')): the sum over all entries of (B_p' B_q) * (A_p A_q'). */
function traceOf(p: Term, q: Term, { a, b }: { readonly a: Matrix; readonly b: Matrix }): number {
  let sum = 0
  for (let row = 0; row < p.rank; row++) {
    const [fromA, fromB] = [(p.a + row) * a.columns + q.a, (p.b + row) * b.columns + q.b]
    for (let column = 0; column < q.rank; column++)
      sum += (a.data[fromA + column] as number) * (b.data[fromB + column] as number)
  }
  return sum
}

interface Rows {
  readonly rows: readonly Float64Array[]
  /** Appends a block of `count` rows and returns the place of its first; null when all are zero. */
  add(block: Values, count: number): number | null
}

function createRows(): Rows {
  const rows: Float64Array[] = []
  return {
    rows,
    add(block, count) {
      if (block.every((value: number) => value === 0)) return null
      const width = block.length / count
      const first = rows.length
      for (let row = 0; row < count; row++)
        rows.push(Float64Array.from(block.subarray(row * width, (row + 1) * width)))
      return first
    },
  }
}

/** (O, R) as the rows of its transpose. */
function columnsOf(b: Values, rank: number): Float64Array {
  const outputs = b.length / rank
  const result = new Float64Array(b.length)
  for (let output = 0; output < outputs; output++)
    for (let k = 0; k < rank; k++) result[k * outputs + output] = b[output * rank + k] as number
  return result
}

function difference(values: Values, from: Values): Float64Array {
  const result = Float64Array.from(values)
  for (let at = 0; at < result.length; at++) result[at] = (result[at] as number) - (from[at] as number)
  return result
}

function stacked(rows: readonly Float64Array[]): Matrix {
  const columns = rows[0]?.length ?? 0
  const data = new Float64Array(rows.length * columns)
  for (const [row, values] of rows.entries()) data.set(values, row * columns)
  return { rows: rows.length, columns, data }
}

function addInto(sum: Matrix, { data }: Matrix): void {
  for (let at = 0; at < data.length; at++) sum.data[at] = (sum.data[at] as number) + (data[at] as number)
}

type Named = readonly [id: string, tensor: string]

function expectFactors({ a, b, rank }: ModuleFactors, start: ModuleFactors, [id, module]: Named): void {
  expectValues(a, (start.a.length / start.rank) * rank, [id, `A of ${module}`])
  expectValues(b, (start.b.length / start.rank) * rank, [id, `B of ${module}`])
}

function expectValues(values: Values, count: number, [id, tensor]: Named): void {
  if (values.length !== count)
    throw new RangeError(`update ${id} expected ${count} values of ${tensor}, got ${values.length}`)
  const wrong = values.find((value: number) => !Number.isFinite(value))
  if (wrong !== undefined)
    throw new RangeError(`update ${id} expected finite values of ${tensor}, got ${wrong}`)
}
