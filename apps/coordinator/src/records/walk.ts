import { join } from 'node:path'
import type { Disk } from '../store/disk.js'

/** The files in a folder and below, as sorted paths relative to it. */
export async function filesBelow(disk: Disk, folder: string, within = ''): Promise<readonly string[]> {
  const files: string[] = []
  for (const name of await disk.list(join(folder, within))) {
    const path = join(within, name)
    if ((await disk.sizeOf(join(folder, path))) === undefined)
      files.push(...(await filesBelow(disk, folder, path)))
    else files.push(path)
  }
  return files
}
