import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { type FileReference, LoricaError } from '@lorica/protocol'
import { type Disk, piecesOf, systemDisk } from './disk.js'
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
  /** Bytes of the files that are not on this disk yet. */
  missingBytes(files: readonly FileReference[]): Promise<number>
  /** Removes all blobs but those of `needed`, those under way, and those asked for since it was called before. */
  prune(needed: ReadonlySet<string>): Promise<void>
}

/** Opens the blobs of a folder; made when first needed. Two requests for one blob share one download. */
export function openBlobs(folder: string, pull: Pull, disk: Disk = systemDisk()): Blobs {
  const checked = new Set<string>()
  const underWay = new Map<string, Promise<string>>()
  let asked = new Set<string>() // since blobs were pruned
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256)

  const fill = async (file: FileReference): Promise<string> => {
    const path = pathOf(file.sha256)
    if (checked.has(file.sha256) && (await disk.sizeOf(path)) === file.sizeBytes) return path
    if ((await disk.sizeOf(path)) !== file.sizeBytes || (await hashFile(disk, path)) !== file.sha256) {
      await disk.remove(path)
      const get = () => pullWhole(disk, file, path, pull)
      await get().catch((error) => retryDamaged(error, get))
    }
    checked.add(file.sha256)
    return path
  }

  const ensure = (file: FileReference): Promise<string> => {
    asked.add(file.sha256)
    const known = underWay.get(file.sha256)
    if (known !== undefined) return known
    const filling = fill(file).finally(() => underWay.delete(file.sha256))
    underWay.set(file.sha256, filling)
    return filling
  }

  return {
    ensure,
    async bytes(file) {
      const bytes = await disk.read(await ensure(file))
      if (createHash('sha256').update(bytes).digest('hex') === file.sha256) return bytes
      checked.delete(file.sha256) // changed on disk since it was checked: it is pulled again
      return disk.read(await ensure(file))
    },
    async drop({ sha256 }) {
      checked.delete(sha256)
      await disk.remove(pathOf(sha256))
    },
    async missingBytes(files) {
      const missing = files.map(async ({ sha256, sizeBytes }) => {
        const path = pathOf(sha256)
        const present = (await disk.sizeOf(path)) ?? (await disk.sizeOf(`${path}.part`)) ?? 0
        return Math.max(0, sizeBytes - present)
      })
      return (await Promise.all(missing)).reduce((sum, sizeBytes) => sum + sizeBytes, 0)
    },
    async prune(needed) {
      const kept = new Set([...needed, ...asked, ...underWay.keys()])
      asked = new Set()
      for (const shelf of await disk.list(folder)) {
        for (const name of await disk.list(join(folder, shelf))) {
          const [sha256 = name] = name.split('.')
          if (kept.has(sha256)) continue
          checked.delete(sha256)
          await disk.remove(join(folder, shelf, name))
        }
      }
    },
  }
}

async function pullWhole(disk: Disk, file: FileReference, path: string, pull: Pull): Promise<void> {
  const partPath = `${path}.part`
  try {
    await disk.makeFolder(dirname(path))
    const hash = createHash('sha256')
    let offset = (await disk.sizeOf(partPath)) ?? 0
    if (offset > file.sizeBytes) {
      await disk.remove(partPath)
      offset = 0
    }
    if (offset > 0) for await (const piece of piecesOf(disk, partPath)) hash.update(piece)
    const handle = await disk.write(partPath, 'end', 0o644)
    try {
      await pull(file, offset, async (bytes) => {
        hash.update(bytes)
        await handle.append(bytes)
      })
      if (file.sizeBytes > SMALL_BYTES) await handle.flush() // small ones are hashed again whenever they are read
    } finally {
      await handle.close()
    }
    const received = hash.digest('hex')
    if (received !== file.sha256) {
      await disk.remove(partPath)
      throw new LoricaError('LRC-6007', `${file.path}: downloaded bytes do not have the announced hash`, {
        expected: `sha256 ${file.sha256}`,
        received: `sha256 ${received}`,
      })
    }
    await disk.rename(partPath, path)
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

async function hashFile(disk: Disk, path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of piecesOf(disk, path)) hash.update(piece)
  return hash.digest('hex')
}
