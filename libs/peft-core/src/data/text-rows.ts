import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'
import type { Tokenizer } from '../train/tokens.js'
import { framedText, frameOf } from './frame.js'

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

/**
 * Texts as batches to ask a classifier of texts about, one a row, framed and cut as its training data are. Nobody knows their class: each has the label 0, so that it
 * counts; its loss means nothing. The last batch is filled up with rows that have no label.
 */
export function unclassedRows(
  texts: readonly string[],
  tokenizer: Tokenizer,
  { rows, columns }: Omit<TextRowsShape, 'padId'>,
): readonly TokenBatch[] {
  const frame = frameOf(tokenizer)
  const framed = texts.map((text) => framedText(frame, tokenizer.encode(text), columns).ids)
  return textRows(framed, { rows, columns, padId: tokenizer.padId }).map((batch, at) => ({
    ...batch,
    labels: Int32Array.from({ length: rows }, (_, row) => (at * rows + row < texts.length ? 0 : IGNORED)),
  }))
}
