/**
 * Documents on disk as one stream of tokens, cut into windows of one length.
 * @module
 */
import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { createRandom, shuffled } from '../train/random.js'
import type { Frame } from './frame.js'
import { type Masking, maskedBatch } from './masked-words.js'
import type { RowSource } from './row-source.js'
import type { ExampleStore } from './store.js'

export interface WindowOptions {
  readonly columns: number
  readonly padId: number
  /** Hides words; each window then begins and ends with the tokens of the frame. */
  readonly masked?: { readonly frame: Frame; readonly masking: Masking }
}

/**
 * Windows over the documents `chosen` from a store, each of which ends with its separator. Only the last window may be
 * short; one of a single token, which predicts nothing, is left out. RangeError when nothing is left.
 */
export function windowRows(store: ExampleStore, chosen: Uint32Array, options: WindowOptions): RowSource {
  const { columns, padId, masked } = options
  const [before, after] = masked?.frame.single ?? [[], []]
  const room = columns - before.length - after.length
  if (room < 2) throw new RangeError(`columns expected ${columns - room + 2} tokens or more, got ${columns}`)
  const stream = openStream(store, chosen)
  const length = stream.length % room === 1 ? stream.length - 1 : stream.length
  if (length === 0)
    throw new RangeError(`the text expected two tokens or more, got ${stream.length}; give more text`)
  const count = Math.ceil(length / room)
  const plain = (rows: readonly (readonly number[])[]): TokenBatch => {
    const size = rows.length * columns
    const inputIds = new Int32Array(size).fill(padId)
    const attentionMask = new Int32Array(size)
    const labels = new Int32Array(size).fill(IGNORED)
    for (const [row, [window = 0]] of rows.entries()) {
      const start = row * columns
      const first = window * room
      const real = [...before, ...stream.read(first, Math.min(room, length - first)), ...after]
      inputIds.set(real, start)
      labels.set(real, start)
      attentionMask.fill(1, start, start + real.length)
    }
    return { rows: rows.length, columns, inputIds, attentionMask, labels }
  }
  return {
    count,
    rowsPerEpoch: count,
    wholeRows: Math.floor(length / room),
    epoch(seed, epoch) {
      const order = shuffled(count, createRandom(seed, `epoch ${epoch}`))
      return { count, row: (index) => [order[index] as number] }
    },
    inOrder: () => ({ count, row: (index) => [index] }),
    batch: (rows, random) =>
      masked === undefined ? plain(rows) : maskedBatch(plain(rows), masked.masking, random),
  }
}

interface Stream {
  readonly length: number
  read(from: number, count: number): readonly number[]
}

/** The chosen documents one after the other. */
function openStream(store: ExampleStore, chosen: Uint32Array): Stream {
  const ends = new Float64Array(chosen.length)
  let length = 0
  for (const [at, index] of chosen.entries()) {
    length += store.tokens(index)
    ends[at] = length
  }
  return {
    length,
    read(from, count) {
      const numbers: number[] = []
      for (let at = firstAfter(ends, from); numbers.length < count; at++) {
        const { ids } = store.get(chosen[at] as number)
        const start = (ends[at] as number) - ids.length
        const skip = Math.max(0, from - start)
        numbers.push(...ids.subarray(skip, skip + count - numbers.length))
      }
      return numbers
    },
  }
}

/** The first of the rising numbers that is greater than a value. */
function firstAfter(rising: Float64Array, value: number): number {
  let low = 0
  let high = rising.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rising[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}
