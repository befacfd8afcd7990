import { dirname } from 'node:path'
import type { Disk } from './disk.js'

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
  await disk.makeFolder(dirname(to))
  await disk.rename(from, to)
  await disk.flushFolder(dirname(to))
}
