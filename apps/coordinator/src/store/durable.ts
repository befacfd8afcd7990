import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { type Disk, piecesOf } from './disk.js'
import { diskError } from './disk-error.js'

/** Writes a file that is whole or absent after a crash: a temporary file, flushed, renamed, and its folder flushed. */
export async function writeDurably(disk: Disk, path: string, bytes: Uint8Array | string): Promise<void> {
  await disk.makeFolder(dirname(path))
  const temporary = disk.temporaryPath(path)
  try {
    const file = await disk.write(temporary, 'new')
    try {
      await file.append(typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes)
      await file.flush()
    } finally {
      await file.close()
    }
    await moveDurably(disk, temporary, path)
  } catch (error) {
    await disk.remove(temporary)
    throw error
  }
}

/** Renames a file that is flushed already, and flushes the folder that receives it. */
export async function moveDurably(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.makeFolder(dirname(to))
    await disk.rename(from, to)
    await disk.flushFolder(dirname(to))
  } catch (error) {
    throw diskError(error, to)
  }
}

/** Copies a file to a path that nothing has, flushed as its folder is, and says what it holds. */
export async function copyDurably(
  disk: Disk,
  from: string,
  to: string,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  await disk.makeFolder(dirname(to))
  const file = await disk.write(to, 'new')
  let read: { readonly sizeBytes: number; readonly sha256: string }
  try {
    read = await hashFile(disk, from, (bytes) => file.append(bytes))
    await file.flush()
  } finally {
    await file.close()
  }
  await disk.flushFolder(dirname(to))
  return read
}

/** The size and the hash of a file. Each piece is handed to `take`. */
export async function hashFile(
  disk: Disk,
  path: string,
  take: (bytes: Uint8Array) => Promise<void> = async () => undefined,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const bytes of piecesOf(disk, path)) {
    hash.update(bytes)
    sizeBytes += bytes.byteLength
    await take(bytes)
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}

const PROBE_BYTES = 512 * 1024 // two chunks of an upload

/** Writes a little to `path` and removes it. Rejects while the disk is full. */
export async function probeDisk(disk: Disk, path: string): Promise<void> {
  try {
    const file = await disk.write(path, 'empty')
    try {
      await file.append(new Uint8Array(PROBE_BYTES))
      await file.flush()
    } finally {
      await file.close()
    }
  } finally {
    await disk.remove(path)
  }
}
