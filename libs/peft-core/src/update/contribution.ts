import { createHash } from 'node:crypto'
import type { OpenFile } from './range-file.js'
import type { UpdateEncoding } from './update-encoding.js'
import { UpdateFault } from './update-fault.js'
import { openUpdateFile } from './update-file.js'

/** What an update must be: the tensors of the adapter of its round, and how large it may be. */
export interface UpdateExpectation {
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly maxNorm: number | null // L2 over all tensors, as they are read back; null: any
  readonly encodings: readonly UpdateEncoding[] // one of these
}

/** What was measured of an update that passed. */
export interface CheckedUpdate {
  readonly sha256: string // of the whole file
  readonly sizeBytes: number
  readonly norm: number // L2 over all tensors, as they are read back
  readonly encoding: UpdateEncoding
}

// The agent scales in 32 bits and we add up in 64, so an honest update may exceed the bound by rounding.
const NORM_TOLERANCE = 1e-4

/**
 * Checks an update on disk against the adapter of its round: names, shapes, encoding, finite values and norm, in bounded
 * pieces: the values of an f32 file as they are, of others as they are read back. `open` opens it, when it does not lie on this
 * machine's disk. Throws UpdateFault for the first check that fails.
 */
export async function checkUpdate(
  path: string,
  expectation: UpdateExpectation,
  open?: OpenFile,
): Promise<CheckedUpdate> {
  const file = await openUpdateFile(path, expectation.shapes, open)
  try {
    if (!expectation.encodings.includes(file.encoding)) {
      const expected = `the encoding ${expectation.encodings.join(' or ')}`
      throw new UpdateFault('element', { expected, received: file.encoding })
    }
    // The values of an f32 file are its bytes, so they are hashed as they are checked, and read once.
    const isPlain = file.encoding === 'f32'
    const hash = createHash('sha256')
    if (isPlain) hash.update(file.header)
    else for await (const bytes of file.bytes()) hash.update(bytes)
    let squares = 0
    for await (const { name, values } of file.chunks()) {
      if (isPlain) hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      const sum = sumOfSquares(values)
      if (!Number.isFinite(sum)) {
        const value = values.find((candidate) => !Number.isFinite(candidate))
        throw new UpdateFault('finite', { tensor: name, expected: 'finite values', received: String(value) })
      }
      squares += sum
    }
    const norm = Math.sqrt(squares)
    if (expectation.maxNorm !== null && norm > expectation.maxNorm * (1 + NORM_TOLERANCE)) {
      const expected = `an L2 norm of at most ${expectation.maxNorm}`
      throw new UpdateFault('norm', { expected, received: norm.toPrecision(6) })
    }
    return { sha256: hash.digest('hex'), sizeBytes: file.sizeBytes, norm, encoding: file.encoding }
  } finally {
    await file.close()
  }
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0
  for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!
  return sum
}
