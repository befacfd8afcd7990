/**
 * Texts that grow side by side under one adapter, each by a token at a time. Their keys and values are kept, so that a
 * further token costs one position of each; under a model whose graph does not give them each text is read anew.
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'
import { batchFeeds } from '../runtime/feeds.js'
import { NEXT, paddedRow, windowColumns } from '../runtime/next-token.js'
import type { OpenGraph } from '../runtime/open-graphs.js'
import type { TensorData } from '../runtime/runtime.js'
import { CACHE_LENGTH, NEXT_POSITION } from '../source/cache.js'
import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { appendOutputs, emptyTable, givesKeys, resized, type Table, type TableSize } from './table.js'

export interface TextGraphs {
  /** The graph that reads one whole text of up to so many tokens, and gives its keys and values if it can. */
  whole(columns: number): Promise<OpenGraph>
  /** The graph that reads one more token of each row after up to `capacity` cached ones. */
  step(size: TableSize): Promise<OpenGraph>
}

export interface TextsOptions {
  readonly tensors: TensorMap
  /** The longest text that the model can look at. */
  readonly maxColumns: number
  /** The window that the shortest texts are read in; a power of two. */
  readonly leastColumns?: number
}

/** Logits of the next token, (V). */
type Logits = Float32Array

export interface Texts {
  /** How many texts grow. */
  readonly count: number
  /** Whether keys and values are kept; undefined before the first text. */
  readonly isCached: boolean | undefined
  /**
   * Reads a text from its start; it has at least one token, and at most as many as the model can look at. One that has as
   * many cannot be extended.
   */
  begin(key: number, ids: readonly number[]): Promise<Logits>
  /** Reads one more token of each of these texts. */
  extend(tokens: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, Logits>>
  /** Lets go of a text. */
  end(key: number): void
}

interface Seat {
  readonly row: number
  readonly ids: number[] // grows
}

/** Not for calls at the same time. */
export function createTexts(graphs: TextGraphs, options: TextsOptions): Texts {
  const { tensors, maxColumns, leastColumns = 64 } = options
  const seats = new Map<number, Seat>()
  let table: Table | undefined
  let isCached: boolean | undefined
  let lastRead:
    | { readonly ids: readonly number[]; readonly outputs: ReadonlyMap<string, TensorData> }
    | undefined

  const window = (length: number): number => windowColumns(Math.max(length, leastColumns), maxColumns)
  const read = async (ids: readonly number[]): Promise<ReadonlyMap<string, TensorData>> => {
    if (lastRead !== undefined && sameIds(lastRead.ids, ids)) return lastRead.outputs
    const columns = window(ids.length)
    const { graph, session } = await graphs.whole(columns)
    const feeds = batchFeeds(graph, tensors, paddedRow(ids, columns))
    const outputs = await session.run(feeds.set(NEXT_POSITION, Int32Array.of(ids.length - 1)))
    lastRead = { ids: [...ids], outputs }
    return outputs
  }
  /** Makes room for so many rows, and in each for a position more than these; gives up room that is far too much. */
  const fit = (from: Table, rows: number, positions: number): Table => {
    const capacity = window(positions + 2) - 1
    const size = {
      rows: powerFrom(rows),
      capacity: capacity * 4 <= from.capacity ? capacity : Math.max(capacity, from.capacity),
    }
    if (size.rows === from.rows && size.capacity === from.capacity) return from
    const kept = [...seats]
    for (const [at, [key, { ids }]] of kept.entries()) seats.set(key, { row: at, ids })
    return resized(
      from,
      kept.map(([, { row }]) => row),
      size,
    )
  }
  const longest = (): number => Math.max(0, ...[...seats.values()].map(({ ids }) => ids.length))
  const freeRow = ({ rows }: TableSize): number => {
    const taken = new Set([...seats.values()].map(({ row }) => row))
    return Array.from({ length: rows }, (_, row) => row).find((row) => !taken.has(row)) as number
  }
  const extendCached = async (
    from: Table,
    tokens: ReadonlyMap<number, number>,
  ): Promise<ReadonlyMap<number, Logits>> => {
    const grown = fit(from, seats.size, longest())
    table = grown
    const { rows, lengths, layers } = grown
    const ids = new Int32Array(rows)
    for (const [key, id] of tokens) ids[seatOf(key).row] = id
    const { graph, session } = await graphs.step(grown)
    const feeds = batchFeeds(graph, tensors, singleTokens(ids))
    for (const [name, { numbers }] of layers) feeds.set(name, numbers)
    feeds.set(CACHE_LENGTH, lengths).set(
      NEXT_POSITION,
      Int32Array.from({ length: rows }, (_, row) => row),
    )
    const outputs = await session.run(feeds)
    const logits = nextOf(outputs) // (R V)
    const vocabulary = logits.length / rows
    return new Map(
      [...tokens].map(([key, id]) => {
        const { row, ids } = seatOf(key)
        ids.push(id)
        if (ids.length === maxColumns) seats.delete(key)
        else appendOutputs(grown, outputs, { from: row, to: row, count: 1 })
        return [key, logits.subarray(row * vocabulary, (row + 1) * vocabulary)] as const
      }),
    )
  }
  const extendAnew = async (tokens: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, Logits>> => {
    const logits = new Map<number, Logits>()
    for (const [key, id] of tokens) {
      const { ids } = seatOf(key)
      ids.push(id)
      logits.set(key, nextOf(await read(ids)))
    }
    return logits
  }
  const seatOf = (key: number): Seat => {
    const seat = seats.get(key)
    if (seat !== undefined) return seat
    throw new RangeError(`text expected to be one that began and has room to grow, got ${key}`)
  }
  return {
    get count() {
      return seats.size
    },
    get isCached() {
      return isCached
    },
    async begin(key, ids) {
      const outputs = await read(ids)
      isCached = givesKeys(outputs)
      if (ids.length >= maxColumns) return nextOf(outputs)
      if (isCached) {
        const positions = Math.max(longest(), ids.length)
        table = fit(table ?? emptyTable(outputs, { rows: 1, capacity: 0 }), seats.size + 1, positions)
        const row = freeRow(table)
        table.lengths[row] = 0
        appendOutputs(table, outputs, { from: 0, to: row, count: ids.length })
        seats.set(key, { row, ids: [...ids] })
      } else seats.set(key, { row: 0, ids: [...ids] })
      return nextOf(outputs)
    },
    extend: async (tokens) => (table === undefined ? extendAnew(tokens) : extendCached(table, tokens)),
    end(key) {
      seats.delete(key)
      if (seats.size > 0) return
      table = undefined
      lastRead = undefined
    },
  }
}

/** The smallest power of two that is not less. */
export function powerFrom(count: number): number {
  let power = 1
  while (power < count) power *= 2
  return power
}

function singleTokens(ids: Int32Array): TokenBatch {
  const { length: rows } = ids
  return {
    rows,
    columns: 1,
    inputIds: ids,
    attentionMask: new Int32Array(rows).fill(1),
    labels: new Int32Array(rows).fill(IGNORED),
  }
}

const sameIds = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((id, at) => id === right[at])

function nextOf(outputs: ReadonlyMap<string, TensorData>): Logits {
  const next = outputs.get(NEXT)
  if (next?.data instanceof Float32Array) return next.data
  throw new TypeError(`graph output "${NEXT}" expected float32, got ${next?.element ?? 'none'}`)
}
