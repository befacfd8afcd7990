import { createHash } from 'node:crypto'
import { type OpenFile, openOnDisk } from './range-file.js'
import { createSumOfSquares } from './sum-of-squares.js'
import type { UpdateEncoding } from './update-encoding.js'
import { UpdateFault } from './update-fault.js'
import { openUpdateFile } from './update-file.js'
import { headerLength, type UpdateLayout, updateLayout } from './update-layout.js'

/** What an update must be: the file that was announced, with the tensors of the adapter of its round, and how large it may be. */
export interface UpdateExpectation {
  readonly sha256: string | null // null: any
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

/** A check of an update whose bytes are on their way to a file. */
export interface UpdateCheck {
  /** Takes bytes that belong at `offset` of the file. Only those that follow on what was taken count; it never fails. */
  take(offset: number, bytes: Uint8Array): void
  /**
   * Reads what was not taken from the complete file, and gives what was found. `open` opens it, when it does not lie on this
   * machine's disk. Throws UpdateFault for the first check that failed; the first of all is that of the hash.
   */
  finish(path: string, open?: OpenFile): Promise<CheckedUpdate>
}

// The agent scales in 32 bits and we add up in 64, so an honest update may exceed the bound by rounding.
const NORM_TOLERANCE = 1e-4
const KEPT_HEADER_BYTES = 1024 * 1024 // of an update on its way; a longer header is read from the file
const PIECE_BYTES = 256 * 1024

/**
 * Checks an update of `sizeBytes`: its hash, and names, shapes, encoding, finite values and norm against the adapter of its round.
 * The values of an f32 file are its bytes, and are added up as they are taken; those of others are read when it is finished.
 */
export function startUpdateCheck(sizeBytes: number, expectation: UpdateExpectation): UpdateCheck {
  const hash = createHash('sha256')
  const squares = createSumOfSquares()
  let start = new Uint8Array(0) // of the file, until the layout is known
  let layout: UpdateLayout | undefined
  let fault: unknown
  let taken = 0

  function readLayout(bytes: Uint8Array): void {
    start = Buffer.concat([start, bytes])
    const length = headerLength(start, sizeBytes)
    if (length === undefined || start.byteLength < length) return
    layout = updateLayout(sizeBytes, expectation.shapes, start.subarray(0, length))
    expectEncoding(layout.encoding, expectation.encodings)
    squares.take(start.subarray(length))
    start = new Uint8Array(0)
  }

  function take(bytes: Uint8Array): void {
    taken += bytes.byteLength
    hash.update(bytes)
    if (fault !== undefined) return
    try {
      if (layout === undefined) readLayout(bytes)
      else if (layout.encoding === 'f32') squares.take(bytes)
    } catch (error) {
      fault = error
      start = new Uint8Array(0)
    }
  }

  return {
    take(offset, bytes) {
      const isNext = offset === taken && offset + bytes.byteLength <= sizeBytes
      if (isNext && start.byteLength + bytes.byteLength <= KEPT_HEADER_BYTES) take(bytes)
    },
    async finish(path, open = openOnDisk) {
      if (taken < sizeBytes) {
        for await (const piece of piecesOf(path, taken, open)) take(piece)
      }
      const sha256 = hash.digest('hex')
      if (expectation.sha256 !== null && sha256 !== expectation.sha256) {
        throw new UpdateFault('hash', { expected: expectation.sha256, received: sha256 })
      }
      if (fault !== undefined) throw fault
      if (layout === undefined) throw endsInHeader(taken)
      const { encoding } = layout
      const isSummed = encoding === 'f32' && Number.isFinite(squares.sum())
      const norm = Math.sqrt(isSummed ? squares.sum() : await readSquares(path, expectation.shapes, open))
      expectNorm(norm, expectation.maxNorm)
      return { sha256, sizeBytes, norm, encoding }
    },
  }
}

/** Checks a complete update on disk, as `startUpdateCheck` says. Throws UpdateFault for the first check that fails. */
export async function checkUpdate(
  path: string,
  expectation: UpdateExpectation,
  open: OpenFile = openOnDisk,
): Promise<CheckedUpdate> {
  const file = await open(path)
  await file.close()
  return startUpdateCheck(file.sizeBytes, expectation).finish(path, open)
}

/** The bytes of a file from `offset` on, in pieces that are reused. */
async function* piecesOf(path: string, offset: number, open: OpenFile): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  try {
    const piece = new Uint8Array(PIECE_BYTES)
    for (let at = offset; ; ) {
      const count = await file.readInto(piece, at)
      if (count === 0) return
      yield piece.subarray(0, count)
      at += count
    }
  } finally {
    await file.close()
  }
}

/** The squares of the values of an update. Throws UpdateFault when one is not finite. */
async function readSquares(
  path: string,
  shapes: UpdateExpectation['shapes'],
  open: OpenFile,
): Promise<number> {
  await using file = await openUpdateFile(path, shapes, open)
  let squares = 0
  for await (const { name: tensor, values } of file.chunks()) {
    const received = values.find((value) => !Number.isFinite(value))
    if (received !== undefined) {
      throw new UpdateFault('finite', { tensor, expected: 'finite values', received: String(received) })
    }
    for (let index = 0; index < values.length; index++) squares += values[index]! * values[index]!
  }
  return squares
}

function expectEncoding(received: UpdateEncoding, encodings: readonly UpdateEncoding[]): void {
  if (encodings.includes(received)) return
  throw new UpdateFault('element', { expected: `the encoding ${encodings.join(' or ')}`, received })
}

function expectNorm(norm: number, most: number | null): void {
  if (most === null || norm <= most * (1 + NORM_TOLERANCE)) return
  throw new UpdateFault('norm', {
    expected: `an L2 norm of at most ${most}`,
    received: norm.toPrecision(6),
  })
}

function endsInHeader(sizeBytes: number): UpdateFault {
  return new UpdateFault('format', {
    expected: 'a safetensors file',
    received: `the first ${sizeBytes} bytes of one`,
  })
}
