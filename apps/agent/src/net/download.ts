import { type FileReference, LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Append } from '../store/blobs.js'
import type { Request } from './link.js'
import type { Pace } from './pace.js'

export interface DownloadParts {
  readonly request: Request
  readonly pace: Pace
  readonly clock: Clock
  /** Hears how many bytes of the file are here. */
  readonly onBytes?: (doneBytes: number) => void
}

interface Read {
  readonly offset: number
  readonly length: number
  readonly sentMs: number
  readonly inFlightBytes: number
  readonly reply: Promise<{ readonly bytes: Uint8Array; readonly sizeBytes: number }>
}

/**
 * Pulls a blob from `offset` to its end: several reads are under way, their bytes are appended in order. Fails at the
 * first read that fails; what was appended before is complete up to there. Throws LRC-6007 when sizes contradict the
 * announcement, LRC-6110 when more comes; the hash is checked by whoever keeps the bytes.
 */
export async function download(
  file: FileReference,
  offset: number,
  append: Append,
  { request, pace, clock, onBytes = () => {} }: DownloadParts,
): Promise<void> {
  const reads: Read[] = []
  let asked = offset
  let done = offset
  while (done < file.sizeBytes) {
    while (
      asked < file.sizeBytes &&
      (reads.length === 0 || asked - done + pace.chunkBytes() <= pace.windowBytes())
    ) {
      const length = Math.min(pace.chunkBytes(), file.sizeBytes - asked)
      const reply = request('blob.read', { sha256: file.sha256, offset: asked, length })
      reply.catch(() => {}) // a later read that fails is reported when its turn comes, or not at all
      reads.push({
        offset: asked,
        length,
        sentMs: clock.monotonicMs(),
        inFlightBytes: asked + length - done,
        reply,
      })
      asked += length
    }
    const read = reads.shift() as Read
    const { bytes, sizeBytes } = await read.reply
    if (sizeBytes > file.sizeBytes || bytes.byteLength > read.length)
      throw tooLarge(file, Math.max(sizeBytes, read.offset + bytes.byteLength))
    if (sizeBytes !== file.sizeBytes) throw wrongSize(file, `${file.sizeBytes} bytes`, `${sizeBytes} bytes`)
    if (bytes.byteLength !== read.length) {
      throw wrongSize(file, `${read.length} bytes at ${read.offset}`, `${bytes.byteLength} bytes`)
    }
    pace.observe(read.inFlightBytes, clock.monotonicMs() - read.sentMs)
    await append(bytes)
    done += bytes.byteLength
    onBytes(done)
  }
}

function tooLarge({ path, sizeBytes }: FileReference, received: number): LoricaError {
  return new LoricaError('LRC-6110', `${path}: more bytes come than were announced`, {
    expected: `${sizeBytes} bytes`,
    received: `${received} bytes`,
  })
}

function wrongSize(file: FileReference, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-6007', `${file.path}: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
