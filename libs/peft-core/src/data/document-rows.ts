import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import { createRandom, shuffled } from '../train/random.js'
import { columnsFor } from './example-rows.js'
import type { RowSource } from './row-source.js'
import type { ExampleStore } from './store.js'

/**
 * The documents `chosen` from a store as a row each: no document has a part in two rows of a step, and none shares one. Of a document
 * that is longer than a row, a row has a stretch that is drawn anew each time, each as likely. RangeError when there are none.
 */
export function documentRows(
  store: ExampleStore,
  chosen: Uint32Array,
  { columns, padId }: { readonly columns: number; readonly padId: number },
): RowSource {
  const count = chosen.length
  if (count === 0) throw new RangeError('expected at least one document, got none')
  const lengthOf = (index: number): number => store.tokens(chosen[index] as number)
  return {
    count,
    rowsPerEpoch: count,
    epoch(seed, epoch) {
      const order = shuffled(count, createRandom(seed, `epoch ${epoch}`))
      return { count, row: (index) => [order[index] as number, 0] }
    },
    inOrder: () => ({ count, row: (index) => [index, 0] }),
    example: (index, random) => [index, random.below(Math.max(1, lengthOf(index) - columns + 1))],
    batch(rows) {
      const texts = rows.map(([index = 0, from = 0]) =>
        store.get(chosen[index] as number).ids.subarray(from, from + columns),
      )
      const width = columnsFor(
        texts.map(({ length }) => length),
        columns,
      )
      return textBatch(texts, width, padId)
    },
  }
}

function textBatch(texts: readonly Int32Array[], columns: number, padId: number): TokenBatch {
  const size = texts.length * columns
  const inputIds = new Int32Array(size).fill(padId)
  const attentionMask = new Int32Array(size)
  const labels = new Int32Array(size).fill(IGNORED)
  for (const [row, text] of texts.entries()) {
    const start = row * columns
    inputIds.set(text, start)
    labels.set(text, start)
    attentionMask.fill(1, start, start + text.length)
  }
  return { rows: texts.length, columns, inputIds, attentionMask, labels }
}
