import { LoricaError } from '@lorica/protocol'
import type { StoredLine } from './store.js'

/**
 * The lines of `batch` that a store lacks, given its own lines from the first of the batch on, and its last seq. Throws LoricaError
 * LRC-5001 when a line would leave a hole, or differs from the one that is there.
 */
export function newLines(
  name: string,
  batch: readonly StoredLine[],
  present: { readonly last: number; readonly lines: readonly StoredLine[] },
): readonly StoredLine[] {
  const { last, lines } = present
  const first = batch[0]?.seq ?? last + 1
  if (first > last + 1) throw outOfPlace(name, `line ${last + 1}`, `line ${first}`)
  const there = new Map(lines.map(({ seq, line }) => [seq, line]))
  const other = batch.find(({ seq, line }) => seq <= last && there.get(seq) !== line)
  if (other !== undefined) throw outOfPlace(name, `line ${other.seq} as it was written`, 'another text')
  return batch.filter(({ seq }) => seq > last)
}

function outOfPlace(name: string, expected: string, received: string): LoricaError {
  return new LoricaError(
    'LRC-5001',
    `${name}: a line does not fit: expected ${expected}, received ${received}`,
    {
      expected,
      received,
    },
  )
}
