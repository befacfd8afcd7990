import type { Batch, Batches } from './batch.js'

/**
 * Each batch as `parts` batches of fewer rows, so that a step needs less memory: accumulated, they give the same mean.
 * RangeError for more parts than a batch has rows.
 */
export async function* splitRows(batches: Batches, parts: number): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    if (parts > batch.rows)
      throw new RangeError(`expected at most ${batch.rows} parts, one for each row, got ${parts}`)
    for (let part = 0; part < parts; part++) {
      const first = Math.floor((part * batch.rows) / parts)
      yield rowsOf(batch, first, Math.floor(((part + 1) * batch.rows) / parts))
    }
  }
}

function rowsOf(batch: Batch, first: number, end: number): Batch {
  const cut = <T extends Int32Array | Float32Array>(numbers: T): T => {
    const width = numbers.length / batch.rows
    return numbers.slice(first * width, end * width) as T
  }
  const entries = Object.entries(batch).map(([name, value]) => [
    name,
    value instanceof Int32Array || value instanceof Float32Array ? cut(value) : value,
  ])
  return { ...(Object.fromEntries(entries) as unknown as Batch), rows: end - first }
}
