import { dirname } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { type Disk, systemDisk } from './disk.js'

/** The JSON of a file, or undefined when there is none. Throws LRC-8003 when it cannot be read or is not JSON. */
export async function readJson(path: string, disk: Disk = systemDisk()): Promise<unknown> {
  try {
    return JSON.parse(Buffer.from(await disk.read(path)).toString('utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LoricaError('LRC-8003', `${path}: ${(cause as Error).message}`, {
      expected: 'a JSON file',
      cause,
    })
  }
}

/** How a file is written. */
export interface Writing {
  /** Who may read it; its owner and others when absent. */
  readonly mode?: number
  /** Whether it has to survive a loss of power from the moment that the writing ends. */
  readonly isDurable?: boolean
  readonly disk?: Disk
}

/** Replaces a file by JSON text as a whole: a reader sees the old or the new one, never a half. */
export async function writeJson(path: string, value: unknown, writing: Writing = {}): Promise<void> {
  await writeWhole(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`), writing)
}

/** Replaces a file by bytes as a whole. Makes the folder that it is in. */
export async function writeWhole(
  path: string,
  bytes: Uint8Array,
  { mode = 0o644, disk = systemDisk(), isDurable = false }: Writing = {},
): Promise<void> {
  const temporary = disk.temporaryPath(path)
  try {
    await disk.makeFolder(dirname(path))
    const file = await disk.write(temporary, 'new', mode)
    try {
      await file.append(bytes)
      if (isDurable) await file.flush()
    } finally {
      await file.close()
    }
    await disk.rename(temporary, path)
    if (isDurable) await disk.flushFolder(dirname(path))
  } catch (cause) {
    await disk.remove(temporary)
    throw diskError(path, cause)
  }
}

/** A fault of the disk as an error that says what to do about it. */
export function diskError(path: string, cause: unknown): LoricaError {
  if (cause instanceof LoricaError) return cause
  const { code, message } = cause as NodeJS.ErrnoException
  const known = code === 'ENOSPC' || code === 'EDQUOT' ? 'LRC-6009' : 'LRC-8003'
  return new LoricaError(known, `${path}: ${message}`, { cause })
}
