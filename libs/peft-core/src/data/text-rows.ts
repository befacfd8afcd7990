import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'

/** The form of a batch of texts. */
export interface TextRowsShape {
  readonly rows: number
  readonly columns: number
  readonly padId: number
}

/**
 * Texts of at most `columns` tokens as batches to measure a model that continues texts on: one text a row, each of its tokens a
 * label; the last batch is filled up with rows that have no label.
 */
export function textRows(
  texts: readonly (readonly number[])[],
  { rows, columns, padId }: TextRowsShape,
): readonly TokenBatch[] {
  return Array.from({ length: Math.ceil(texts.length / rows) }, (_, at) => {
    const inputIds = new Int32Array(rows * columns).fill(padId)
    const attentionMask = new Int32Array(rows * columns)
    const labels = new Int32Array(rows * columns).fill(IGNORED)
    for (let row = 0; row < rows; row++) {
      const start = row * columns
      const text = texts[at * rows + row] ?? []
      inputIds.set(text, start)
      labels.set(text, start)
      attentionMask.fill(1, start, start + Math.max(1, text.length)) // a row that looks at nothing has no softmax
    }
    return { rows, columns, inputIds, attentionMask, labels }
  })
}
