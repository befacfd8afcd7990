/**
 * Examples as rows of batches: one in each row, or as many as fit when the model keeps them apart.
 *
 * Sizes used below: B = rows of a batch, T = columns.
 * @module
 */
import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { createRandom, shuffled } from '../train/random.js'
import { groupedByLength, type PackedRows, packedRows } from './row-plan.js'
import type { Epoch, RowSource } from './row-source.js'
import type { ExampleStore, Stored } from './store.js'

export interface ExampleRowOptions {
  readonly columns: number
  readonly padId: number
  /** Whether a row may hold several examples, numbered 1, 2, … in its attention mask. */
  readonly isPacked: boolean
  /** Whether an example has one class rather than labels of its tokens. */
  readonly isWhole: boolean
  /** The numbers of classes for those in the store; absent, the labels in the store are meant. */
  readonly classes?: Int32Array
}

/** The examples `chosen` from a store. RangeError when there are none. */
export function exampleRows(store: ExampleStore, chosen: Uint32Array, options: ExampleRowOptions): RowSource {
  const { columns, isPacked } = options
  if (chosen.length === 0) throw new RangeError('expected at least one example, got none')
  const lengthOf = (index: number): number => store.tokens(chosen[index] as number)
  const count = chosen.length
  const one = { count, row: (index: number) => [index] }
  const epochOf = (order: Int32Array, grouping?: () => Int32Array): Epoch => {
    if (isPacked) return packedEpoch(packedRows(order, lengthOf, columns))
    const sorted = grouping?.() ?? order
    return { count, row: (index) => [sorted[index] as number] }
  }
  return {
    count,
    ...(isPacked ? {} : { rowsPerEpoch: count, example: (index) => [index] }),
    epoch(seed, epoch, rows) {
      const random = createRandom(seed, `epoch ${epoch}`)
      const order = shuffled(count, random)
      return epochOf(order, () => groupedByLength(order, { lengthOf, rows, random }))
    },
    inOrder: () => (isPacked ? epochOf(Int32Array.from({ length: count }, (_, at) => at)) : one),
    batch: (rows) =>
      batchOf(
        rows.map((row) => row.map((index) => store.get(chosen[index] as number))),
        options,
      ),
  }
}

const packedEpoch = ({ members, ends }: PackedRows): Epoch => ({
  count: ends.length,
  row: (index) => [...members.subarray(index === 0 ? 0 : (ends[index - 1] as number), ends[index] as number)],
})

function batchOf(rows: readonly (readonly Stored[])[], options: ExampleRowOptions): TokenBatch {
  const { padId, isPacked, isWhole, classes } = options
  const columns = isPacked
    ? options.columns
    : columnsFor(
        rows.map(([example]) => example?.ids.length ?? 0),
        options.columns,
      )
  const size = rows.length * columns
  const inputIds = new Int32Array(size).fill(padId)
  const attentionMask = new Int32Array(size)
  const labels = new Int32Array(size).fill(IGNORED)
  const typeIds = new Int32Array(size)
  const positionIds = new Int32Array(size)
  const classOf = (label: number): number => (label < 0 ? label : (classes?.[label] ?? label))
  for (const [row, examples] of rows.entries()) {
    let at = row * columns
    for (const [segment, example] of examples.entries()) {
      inputIds.set(example.ids, at)
      typeIds.set(example.typeIds, at)
      if (!isWhole) labels.set(example.labels.map(classOf), at)
      if (isPacked) labels[at] = IGNORED // the token before it is another example's
      attentionMask.fill(segment + 1, at, at + example.ids.length)
      for (const position of example.ids.keys()) positionIds[at + position] = position
      at += example.ids.length
    }
  }
  const batch = { rows: rows.length, columns, inputIds, attentionMask, labels }
  if (isPacked) return { ...batch, positionIds }
  const wholes = Int32Array.from(rows, ([example]) => classOf(example?.labels[0] ?? IGNORED))
  return { ...batch, tokenTypeIds: typeIds, ...(isWhole ? { labels: wholes } : {}) }
}

/** The least of three sizes that holds rows of such lengths, so that few graphs serve every length. */
export function columnsFor(lengths: readonly number[], columns: number): number {
  const longest = Math.max(...lengths)
  const sizes = [columns / 4, columns / 2].map((size) => 8 * Math.ceil(size / 8))
  return sizes.find((size) => size >= longest && size < columns) ?? columns
}
