import type { EngineSpec, TokenBatch, Tokenizer } from '@lorica/peft-core'

const IGNORED = -100

/** Texts as rows to measure a model that continues texts on: one each, cut to the columns; those of fewer than two tokens are left out. */
export function textRows(
  texts: readonly string[],
  { encode, padId }: Pick<Tokenizer, 'encode' | 'padId'>,
  { rows, columns }: Pick<EngineSpec, 'rows' | 'columns'>,
): readonly TokenBatch[] {
  const known = texts.map((text) => encode(text).slice(0, columns)).filter(({ length }) => length > 1)
  const batches: TokenBatch[] = []
  for (let at = 0; at < known.length; at += rows)
    batches.push(batchOf(known.slice(at, at + rows), rows, { columns, padId }))
  return batches
}

function batchOf(
  texts: readonly (readonly number[])[],
  rows: number,
  { columns, padId }: { readonly columns: number; readonly padId: number },
): TokenBatch {
  const inputIds = new Int32Array(rows * columns).fill(padId)
  const attentionMask = new Int32Array(rows * columns)
  const labels = new Int32Array(rows * columns).fill(IGNORED)
  for (const [row, ids] of texts.entries()) {
    inputIds.set(ids, row * columns)
    labels.set(ids, row * columns)
    attentionMask.fill(1, row * columns, row * columns + ids.length)
  }
  for (let row = texts.length; row < rows; row++) attentionMask[row * columns] = 1 // a row that only fills up
  return { rows, columns, inputIds, attentionMask, labels }
}
