import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { LoricaError } from '@lorica/protocol'

/** The JSON of a file, or undefined when there is none. Throws LRC-8003 when it cannot be read or is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LoricaError('LRC-8003', `${path}: ${(cause as Error).message}`, {
      expected: 'a JSON file',
      cause,
    })
  }
}

/** Replaces a file by JSON text as a whole: a reader sees the old or the new one, never a half. */
export async function writeJson(path: string, value: unknown, mode = 0o644): Promise<void> {
  await writeWhole(path, Buffer.from(`${JSON.stringify(value, null, 2)}\n`), mode)
}

/** Replaces a file by bytes as a whole. Makes the folder that it is in. */
export async function writeWhole(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(temporary, bytes, { mode })
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
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
