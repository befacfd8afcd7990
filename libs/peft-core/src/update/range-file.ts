import { readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A file that is read by range. */
export interface RangeFile {
  readonly sizeBytes: number
  /** Fills `bytes` from `position` on, and says how many it got: 0 at the end. */
  readInto(bytes: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** Opens a file to be read by range. */
export type OpenFile = (path: string) => Promise<RangeFile>

/** Opens a file of this machine. */
export const openOnDisk: OpenFile = (path) =>
  opened(
    path,
    (file) => async (bytes, position) => (await file.read(bytes, 0, bytes.byteLength, position)).bytesRead,
  )

/**
 * Opens a file of this machine whose reads keep the calling thread until they are done: the fastest where the file is in memory
 * already, for a thread that has nothing else to do.
 */
export const openBlocking: OpenFile = (path) =>
  opened(path, (file) => async (bytes, position) => readSync(file.fd, bytes, 0, bytes.byteLength, position))

async function opened(
  path: string,
  reading: (file: FileHandle) => RangeFile['readInto'],
): Promise<RangeFile> {
  const file = await open(path, 'r')
  try {
    return {
      sizeBytes: (await file.stat()).size,
      readInto: reading(file),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Reads a range; what it returns is overwritten by the next call. RangeError when the file ends before. */
export type ReadRange = (start: number, length: number) => Promise<Uint8Array>

/** Reads a file `windowBytes` at a time, so that small ranges one after the other share a read. */
export function windowOf(file: RangeFile, windowBytes: number): ReadRange {
  const buffer = new Uint8Array(windowBytes)
  let from = 0
  let to = 0
  return async (start, length) => {
    if (length > windowBytes) throw new RangeError(`length expected at most ${windowBytes}, got ${length}`)
    if (start < from || start + length > to) {
      from = start
      to = start + (await readUpTo(file, buffer, start))
      if (start + length > to)
        throw new RangeError(`file expected ${length} bytes at ${start}, got ${to - start}`)
    }
    return buffer.subarray(start - from, start - from + length)
  }
}

async function readUpTo(file: RangeFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.byteLength) {
    const count = await file.readInto(into.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}
