import type { RangeFile } from '../update/range-file.js'
import type { FilePool } from './file-pool.js'
import type { TensorRange } from './tensor-source.js'

/** A range of float32 values in a file, and where they go. */
interface Piece {
  readonly position: number // in the file
  readonly bytes: Uint8Array
}

/**
 * Reads ranges of tensors that are stored as float32: those that follow each other in the file and in memory in one go.
 * `positionOf` is where the first value of a range lies in the file.
 */
export async function readFloats(
  { path, pool }: { readonly path: string; readonly pool: FilePool },
  ranges: readonly TensorRange[],
  positionOf: (range: TensorRange) => number,
): Promise<void> {
  const pieces: Piece[] = []
  for (const range of ranges) {
    const position = positionOf(range)
    const { buffer, byteOffset, byteLength } = range.into
    const last = pieces.at(-1)
    const follows =
      last !== undefined &&
      last.position + last.bytes.length === position &&
      last.bytes.buffer === buffer &&
      last.bytes.byteOffset + last.bytes.length === byteOffset
    if (follows) {
      const bytes = new Uint8Array(buffer, last.bytes.byteOffset, last.bytes.length + byteLength)
      pieces[pieces.length - 1] = { position: last.position, bytes }
    } else pieces.push({ position, bytes: new Uint8Array(buffer, byteOffset, byteLength) })
  }
  await pool.use(path, async (file) => {
    for (const { position, bytes } of pieces) await readWhole(file, bytes, position)
  })
}

/** Fills `bytes` from `position` on. RangeError when the file ends before. */
export async function readWhole(file: RangeFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const count = await file.readInto(bytes.subarray(done), position + done)
    if (count === 0) throw new RangeError(`file expected ${bytes.length} bytes at ${position}, got ${done}`)
    done += count
  }
}
