import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type FileReference, LoricaError } from '@lorica/protocol'
import type { Disk } from './disk.js'
import { diskError } from './disk-error.js'
import { writeDurably } from './durable.js'

/** Bytes by their SHA-256 that the fleet may read: adapters, and the files of the base models of runs. */
export interface Blobs {
  /** Takes bytes in. They can be read at once; they are safe on disk when `durable` resolves. */
  put(path: string, bytes: Uint8Array): { readonly file: FileReference; readonly durable: Promise<void> }
  /** Makes a file that lies elsewhere readable under its hash; it is not copied. */
  link(sha256: string, path: string): void
  /** A range, shorter at the end. Throws LoricaError LRC-3008. */
  read(sha256: string, offset: number, length: number): Promise<{ bytes: Uint8Array; sizeBytes: number }>
  /** All bytes of a blob of this store, checked against the hash. Throws LoricaError LRC-3008 or LRC-5002. */
  whole(sha256: string): Promise<Uint8Array>
}

const NEWEST = 6 // adapters of the last rounds are read by every agent at once, so they are served from memory

/** Opens the blobs below `folder`, two levels deep: <aa>/<sha256>. */
export function openBlobs(disk: Disk, folder: string): Blobs {
  const newest = new Map<string, Uint8Array>()
  const linked = new Map<string, string>()
  const pathOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256)

  async function store(sha256: string, bytes: Uint8Array): Promise<void> {
    const path = pathOf(sha256)
    if ((await disk.sizeOf(path)) === bytes.byteLength) return
    await writeDurably(disk, path, bytes).catch((error: unknown) => {
      throw diskError(error, path)
    })
  }

  return {
    put(path, bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      newest.delete(sha256)
      newest.set(sha256, bytes)
      for (const old of [...newest.keys()].slice(0, Math.max(0, newest.size - NEWEST))) newest.delete(old)
      const durable = store(sha256, bytes)
      durable.catch(() => undefined) // the caller awaits it later
      return { file: { path, sha256, sizeBytes: bytes.byteLength }, durable }
    },
    link(sha256, path) {
      linked.set(sha256, path)
    },
    async read(sha256, offset, length) {
      const bytes = newest.get(sha256)
      if (bytes !== undefined)
        return { bytes: bytes.subarray(offset, offset + length), sizeBytes: bytes.byteLength }
      return readRange(disk, linked.get(sha256) ?? pathOf(sha256), sha256, offset, length)
    },
    async whole(sha256) {
      const kept = newest.get(sha256)
      if (kept !== undefined) return kept
      const bytes = await disk.read(pathOf(sha256)).catch(() => {
        throw unknownBlob(sha256)
      })
      if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes
      throw new LoricaError('LRC-5002', `blob ${sha256} is damaged on disk`, {
        expected: sha256,
        received: 'other bytes',
      })
    },
  }
}

async function readRange(
  disk: Disk,
  path: string,
  sha256: string,
  offset: number,
  length: number,
): Promise<{ bytes: Uint8Array; sizeBytes: number }> {
  const file = await disk.open(path).catch(() => {
    throw unknownBlob(sha256)
  })
  try {
    const { sizeBytes } = file
    const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)))
    let done = 0
    while (done < bytes.byteLength) {
      const count = await file.readInto(bytes.subarray(done), offset + done)
      if (count === 0) break
      done += count
    }
    return { bytes: bytes.subarray(0, done), sizeBytes }
  } finally {
    await file.close()
  }
}

function unknownBlob(sha256: string): LoricaError {
  return new LoricaError('LRC-3008', `no blob ${sha256}`, {
    expected: 'the hash of a file of this fleet',
    received: sha256,
  })
}
