import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type FileReference, LoricaError } from '@lorica/protocol'
import { diskError } from './folder.js'

/** Writes the bytes of a blob, from `offset` on, in order. */
export type Append = (bytes: Uint8Array) => Promise<void>

/** Gets the missing end of a blob. What it appended stays when it fails, and the next attempt goes on from there. */
export type Pull = (file: FileReference, offset: number, append: Append) => Promise<void>

/** Files by their SHA-256, as the agent downloaded them. */
export interface Blobs {
  /** Path of a blob whose bytes were checked in this process; pulls what is missing. Throws LRC-6007 and disk errors. */
  ensure(file: FileReference): Promise<string>
  /** The checked bytes of a small blob. */
  bytes(file: FileReference): Promise<Uint8Array>
  /** Removes a blob that is not needed again. */
  drop(file: FileReference): Promise<void>
}

/** Opens the blobs of a folder; made when first needed. Two requests for one blob share one download. */
export function openBlobs(folder: string, pull: Pull): Blobs {
  const checked = new Set<string>()
  const underWay = new Map<string, Promise<string>>()
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256)

  const fill = async (file: FileReference): Promise<string> => {
    const path = pathOf(file.sha256)
    if (checked.has(file.sha256) && (await sizeOf(path)) === file.sizeBytes) return path
    if ((await sizeOf(path)) !== file.sizeBytes || (await hashFile(path)) !== file.sha256) {
      await rm(path, { force: true })
      await pullWhole(file, path, pull).catch((error) =>
        retryDamaged(error, () => pullWhole(file, path, pull)),
      )
    }
    checked.add(file.sha256)
    return path
  }

  const ensure = (file: FileReference): Promise<string> => {
    const known = underWay.get(file.sha256)
    if (known !== undefined) return known
    const filling = fill(file).finally(() => underWay.delete(file.sha256))
    underWay.set(file.sha256, filling)
    return filling
  }

  return {
    ensure,
    async bytes(file) {
      const bytes = await readFile(await ensure(file))
      if (createHash('sha256').update(bytes).digest('hex') === file.sha256) return bytes
      checked.delete(file.sha256) // changed on disk since it was checked
      return readFile(await ensure(file))
    },
    async drop({ sha256 }) {
      checked.delete(sha256)
      await rm(pathOf(sha256), { force: true })
    },
  }
}

async function pullWhole(file: FileReference, path: string, pull: Pull): Promise<void> {
  const partPath = `${path}.part`
  try {
    await mkdir(dirname(path), { recursive: true })
    const hash = createHash('sha256')
    let offset = (await sizeOf(partPath)) ?? 0
    if (offset > file.sizeBytes) {
      await rm(partPath)
      offset = 0
    }
    if (offset > 0) for await (const bytes of createReadStream(partPath)) hash.update(bytes as Buffer)
    const handle = await open(partPath, 'a')
    try {
      await pull(file, offset, async (bytes) => {
        hash.update(bytes)
        await handle.appendFile(bytes)
      })
      if (file.sizeBytes > SMALL_BYTES) await handle.sync() // small ones are hashed again whenever they are read
    } finally {
      await handle.close()
    }
    const received = hash.digest('hex')
    if (received !== file.sha256) {
      await rm(partPath, { force: true })
      throw new LoricaError('LRC-6007', `${file.path}: downloaded bytes do not have the announced hash`, {
        expected: `sha256 ${file.sha256}`,
        received: `sha256 ${received}`,
      })
    }
    await rename(partPath, path)
  } catch (cause) {
    throw diskError(path, cause)
  }
}

const SMALL_BYTES = 64 * 1024 * 1024

/** A damaged download is tried once more from the start. */
async function retryDamaged(error: unknown, again: () => Promise<void>): Promise<void> {
  if (!(error instanceof LoricaError) || error.code !== 'LRC-6007') throw error
  await again()
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch {
    return undefined
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}
