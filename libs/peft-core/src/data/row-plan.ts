/**
 * Which examples share a row, and which rows a batch.
 * @module
 */
import { type Random, shuffled } from '../train/random.js'

export interface PackedRows {
  /** The examples, row after row. */
  readonly members: Int32Array
  /** Where each row ends among the members. */
  readonly ends: Int32Array
}

/** How many rows are kept open while examples are put into them. */
const OPEN_ROWS = 64

interface OpenRow {
  readonly members: number[]
  left: number // columns
}

/**
 * Puts each example into the open row that it fills best, in the order given; a row that is full, or the fullest of too
 * many, is closed. An example that is longer than a row takes one of its own.
 */
export function packedRows(
  order: Int32Array,
  lengthOf: (example: number) => number,
  columns: number,
): PackedRows {
  const members = new Int32Array(order.length)
  const ends: number[] = []
  let placed = 0
  let open: OpenRow[] = []
  const close = (row: OpenRow): void => {
    members.set(row.members, placed)
    placed += row.members.length
    ends.push(placed)
    open = open.filter((other) => other !== row)
  }
  for (const example of order) {
    const length = lengthOf(example)
    const fitting = open.filter(({ left }) => left >= length)
    const row = fullest(fitting) ?? { members: [], left: columns }
    if (fitting.length === 0) open.push(row)
    row.members.push(example)
    row.left -= length
    if (row.left <= 0) close(row)
    else if (open.length > OPEN_ROWS) close(fullest(open) as OpenRow)
  }
  for (const row of [...open]) close(row)
  return { members, ends: Int32Array.from(ends) }
}

function fullest(rows: readonly OpenRow[]): OpenRow | undefined {
  return rows.reduce<OpenRow | undefined>(
    (best, row) => (best !== undefined && best.left <= row.left ? best : row),
    undefined,
  )
}

/** How many batches are sorted by length together. */
const SORTED_BATCHES = 32

interface Grouping {
  readonly lengthOf: (example: number) => number
  readonly rows: number // of a batch
  readonly random: Random
}

/**
 * An order in which neighbours are about as long, so that little of a batch is padding: stretches of many batches are
 * sorted by length, and their batches shuffled.
 */
export function groupedByLength(order: Int32Array, { lengthOf, rows, random }: Grouping): Int32Array {
  const grouped = new Int32Array(order.length)
  const stretch = SORTED_BATCHES * rows
  for (let first = 0; first < order.length; first += stretch) {
    const sorted = order.slice(first, first + stretch).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b)
    const batches = Math.floor(sorted.length / rows)
    const places = shuffled(batches, random)
    for (const [place, batch] of places.entries())
      grouped.set(sorted.subarray(batch * rows, (batch + 1) * rows), first + place * rows)
    grouped.set(sorted.subarray(batches * rows), first + batches * rows)
  }
  return grouped
}
