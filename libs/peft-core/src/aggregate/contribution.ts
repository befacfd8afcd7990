import { createHash } from 'node:crypto'
import { UpdateFault } from './update-fault.js'
import { type OpenFile, openUpdateFile } from './update-file.js'
import type { UpdateTensor } from './update-layout.js'

/** What an update must be: the tensors of the adapter of its round, and how large it may be. */
export interface UpdateExpectation {
  readonly shapes: ReadonlyMap<string, readonly number[]>
  readonly maxNorm: number | null // L2 over all tensors; null: any
}

/** What was measured of an update that passed. */
export interface CheckedUpdate {
  readonly sha256: string // of the whole file
  readonly sizeBytes: number
  readonly norm: number // L2 over all tensors
}

// The agent scales in 32 bits and we add up in 64, so an honest update may exceed the bound by rounding.
const NORM_TOLERANCE = 1e-4

/**
 * Checks an update on disk against the adapter of its round: names, shapes, element type, finite values and norm, reading
 * the file once in bounded pieces. `open` opens it, when it does not lie on this machine's disk. Throws UpdateFault for the first check that fails.
 */
export async function checkUpdate(
  path: string,
  expectation: UpdateExpectation,
  open?: OpenFile,
): Promise<CheckedUpdate> {
  const file = await openUpdateFile(path, open)
  try {
    checkShapes(file.tensors, expectation.shapes)
    const hash = createHash('sha256').update(file.header)
    let squares = 0
    for await (const { name, values } of file.chunks()) {
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
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
    return { sha256: hash.digest('hex'), sizeBytes: file.sizeBytes, norm }
  } finally {
    await file.close()
  }
}

function checkShapes(tensors: readonly UpdateTensor[], shapes: ReadonlyMap<string, readonly number[]>): void {
  for (const { name, shape } of tensors) {
    const wanted = shapes.get(name)
    if (wanted === undefined) {
      throw new UpdateFault('names', {
        expected: `the ${shapes.size} tensors of the adapter`,
        received: `also ${name}`,
      })
    }
    if (wanted.length !== shape.length || wanted.some((side, axis) => side !== shape[axis])) {
      const expected = `shape [${wanted.join(', ')}]`
      throw new UpdateFault('shape', { tensor: name, expected, received: `[${shape.join(', ')}]` })
    }
  }
  if (tensors.length === shapes.size) return
  const present = new Set(tensors.map((tensor) => tensor.name))
  const missing = [...shapes.keys()].find((name) => !present.has(name))
  throw new UpdateFault('names', {
    expected: `the ${shapes.size} tensors of the adapter`,
    received: `none named ${missing}`,
  })
}

function sumOfSquares(values: Float32Array): number {
  let sum = 0
  for (let index = 0; index < values.length; index++) sum += values[index]! * values[index]!
  return sum
}
