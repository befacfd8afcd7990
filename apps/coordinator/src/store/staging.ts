import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { diskError } from './disk-error.js'

/** One upload on its way in: a file that only grows, in order. */
export interface StagedUpload {
  readonly path: string
  readonly sizeBytes: number // when complete
  offset(): number
  /** Appends bytes; calls may overlap and keep their order. Throws LoricaError LRC-4003, LRC-4004 or LRC-5005. */
  append(offset: number, bytes: Uint8Array): Promise<number>
  /** Waits for all bytes and flushes them to disk. Throws LoricaError LRC-4003 when some are missing. */
  complete(): Promise<void>
  /** Closes the file and leaves it, to be resumed. */
  park(): Promise<void>
  /** Closes and removes the file. */
  drop(): Promise<void>
}

/** Opens or resumes the staged upload `uploadId` in `folder`. A file that is too long starts again. */
export async function stageUpload(
  folder: string,
  uploadId: string,
  sizeBytes: number,
): Promise<StagedUpload> {
  const path = join(folder, `${uploadId}.part`)
  await mkdir(folder, { recursive: true })
  const present = (await stat(path).catch(() => undefined))?.size ?? 0
  const file = await open(path, present > sizeBytes ? 'w' : 'a', 0o600).catch((error: unknown) => {
    throw diskError(error, path)
  })
  return staged(path, file, sizeBytes, present > sizeBytes ? 0 : present)
}

/** Removes staged files that no open upload needs. */
export async function clearStaging(folder: string, isNeeded: (uploadId: string) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const stale = names.filter((name) => !isNeeded(name.replace(/\.part$/, '')))
  await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })))
}

function staged(path: string, file: FileHandle, sizeBytes: number, present: number): StagedUpload {
  let next = present
  let writes: Promise<unknown> = Promise.resolve()
  const close = async () => {
    await writes.catch(() => undefined)
    await file.close().catch(() => undefined)
  }
  return {
    path,
    sizeBytes,
    offset: () => next,
    async append(offset, bytes) {
      if (offset !== next) {
        throw new LoricaError('LRC-4004', `chunk at ${offset} expected offset ${next}`, {
          expected: String(next),
          received: String(offset),
        })
      }
      if (offset + bytes.byteLength > sizeBytes) throw wrongSize(sizeBytes, offset + bytes.byteLength)
      next += bytes.byteLength
      writes = writes.then(() => writeAll(file, bytes))
      await writes.catch((error: unknown) => {
        throw diskError(error, path)
      })
      return offset + bytes.byteLength
    },
    async complete() {
      await writes
      if (next !== sizeBytes) throw wrongSize(sizeBytes, next)
      await file.datasync()
    },
    park: close,
    async drop() {
      await close()
      await rm(path, { force: true })
    },
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) done += (await file.write(bytes, done)).bytesWritten
}

function wrongSize(expected: number, received: number): LoricaError {
  return new LoricaError('LRC-4003', `update expected ${expected} bytes, received ${received}`, {
    expected: `${expected} bytes`,
    received: `${received} bytes`,
  })
}
