import { limits } from '../limits.js'

/** A range of bytes of a file. */
export interface Chunk {
  readonly offset: number
  readonly length: number
}

/**
 * The chunks that are still to travel of `sizeBytes`, from `offset` on, in order.
 * Throws RangeError when `offset` is not inside the file.
 */
export function chunksOf(sizeBytes: number, offset = 0, chunkBytes: number = limits.chunkBytes): Chunk[] {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > sizeBytes) {
    throw new RangeError(`offset expected 0 to ${sizeBytes}, got ${offset}`)
  }
  const chunks: Chunk[] = []
  for (let start = offset; start < sizeBytes; start += chunkBytes) {
    chunks.push({ offset: start, length: Math.min(chunkBytes, sizeBytes - start) })
  }
  return chunks
}
