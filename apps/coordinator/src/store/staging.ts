import { basename, join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import type { Disk, GrowingFile } from './disk.js'
import { diskError } from './disk-error.js'

/** One upload on its way in: a file that only grows, in order. */
export interface StagedUpload {
  readonly path: string
  readonly sizeBytes: number // when complete
  offset(): number
  /** Appends bytes; calls may overlap and keep their order. Throws LoricaError LRC-4003, LRC-4004 or LRC-5005. */
  append(offset: number, bytes: Uint8Array): Promise<number>
  /** Resolves when all bytes can be read back. Throws LoricaError LRC-4003 when some are missing, LRC-5005 when some were not written. */
  written(): Promise<void>
  /** Resolves when what is written survives a loss of power. Throws LoricaError LRC-5005. */
  flush(): Promise<void>
  /** Closes the file and leaves it, to be resumed. */
  park(): Promise<void>
  /** Closes and removes the file. */
  drop(): Promise<void>
}

/** Opens or resumes the staged upload `uploadId` in `folder`. A file that is too long starts again. */
export async function stageUpload(
  disk: Disk,
  folder: string,
  uploadId: string,
  sizeBytes: number,
): Promise<StagedUpload> {
  const path = join(folder, `${uploadId}.part`)
  await disk.makeFolder(folder)
  const present = (await disk.sizeOf(path)) ?? 0
  const file = await disk.write(path, present > sizeBytes ? 'empty' : 'end').catch((error: unknown) => {
    throw diskError(error, path)
  })
  return staged(disk, path, file, sizeBytes, present > sizeBytes ? 0 : present)
}

/**
 * The folder for the uploads of the coordinator with this epoch, below `folder`. What earlier ones had of uploads that are needed is
 * copied into it, and the rest goes: a coordinator that was stopped and wakes up finds none of its open files in use.
 */
export async function adoptStaging(
  disk: Disk,
  folder: string,
  epoch: number,
  isNeeded: (uploadId: string) => boolean,
): Promise<string> {
  const own = join(folder, String(epoch))
  await disk.makeFolder(own)
  const earlier = (await disk.list(folder)).filter((name) => name !== String(epoch))
  for (const name of earlier) {
    const place = join(folder, name)
    const inside = name.endsWith('.part') ? [] : await disk.list(place)
    const files = [...inside.map((file) => join(place, file)), ...(inside.length === 0 ? [place] : [])]
    for (const path of files) {
      if (!path.endsWith('.part') || !isNeeded(basename(path, '.part'))) continue
      await disk.copy(path, join(own, basename(path))).catch(() => undefined) // it is sent again
    }
    await disk.remove(place)
  }
  return own
}

function staged(
  disk: Disk,
  path: string,
  file: GrowingFile,
  sizeBytes: number,
  present: number,
): StagedUpload {
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
      writes = writes.then(() => file.append(bytes))
      await writes.catch((error: unknown) => {
        throw diskError(error, path)
      })
      return offset + bytes.byteLength
    },
    async written() {
      await writes.catch((error: unknown) => {
        throw diskError(error, path)
      })
      if (next !== sizeBytes) throw wrongSize(sizeBytes, next)
    },
    async flush() {
      await file.flush().catch((error: unknown) => {
        throw diskError(error, path)
      })
    },
    park: close,
    async drop() {
      await close()
      await disk.remove(path)
    },
  }
}

function wrongSize(expected: number, received: number): LoricaError {
  return new LoricaError('LRC-4003', `update expected ${expected} bytes, received ${received}`, {
    expected: `${expected} bytes`,
    received: `${received} bytes`,
  })
}
