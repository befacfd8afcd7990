import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { type Random, systemRandom } from '../random.js'

/** Files and folders, as an argument. Every operation rejects with the error that node:fs gives for the same fault. */
export interface Disk {
  /** All bytes of a file. */
  read(path: string): Promise<Uint8Array>
  /** Opens a file to be read by range. */
  open(path: string): Promise<ReadableFile>
  /**
   * Opens a file to be written at its end: `new` expects none, `empty` takes away what it has, `end` keeps it. A file that
   * it makes is for its owner only, unless `mode` says otherwise.
   */
  write(path: string, from: 'new' | 'empty' | 'end', mode?: number): Promise<GrowingFile>
  /** The size of a file; undefined when there is none. */
  sizeOf(path: string): Promise<number | undefined>
  /** The names in a folder, sorted; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>
  /** Makes a folder and those that it is in, unless they are there. */
  makeFolder(path: string): Promise<void>
  /** Renames a file or a folder; a file that is in the way is replaced. */
  rename(from: string, to: string): Promise<void>
  /** Gives the content of a file a second name, or copies it where that is not possible. */
  duplicate(from: string, to: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  /** Removes a file, or a folder with everything in it, if it is there. */
  remove(path: string): Promise<void>
  /** Resolves when the names in a folder survive a loss of power. */
  flushFolder(path: string): Promise<void>
  /** Bytes that may still be written where a folder is or would be; null when nothing tells. Absent: not known. */
  freeBytes?(folder: string): Promise<number | null>
  /** A path beside `path` that nothing has. */
  temporaryPath(path: string): string
}

/** A file that is read by range. */
export interface ReadableFile {
  readonly sizeBytes: number
  /** Fills `bytes` from `position` on, and says how many it got: 0 at the end. */
  readInto(bytes: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** A file that only grows. */
export interface GrowingFile {
  append(bytes: Uint8Array): Promise<void>
  /** Resolves when what was appended survives a loss of power. */
  flush(): Promise<void>
  close(): Promise<void>
}

const flags = { new: 'wx', empty: 'w', end: 'a' } as const

/** The disk of this machine. */
export function systemDisk(random: Random = systemRandom()): Disk {
  return {
    read: (path) => readFile(path),
    async open(path) {
      const file = await open(path, 'r')
      try {
        const { size } = await file.stat()
        return {
          sizeBytes: size,
          readInto: async (bytes, position) =>
            (await file.read(bytes, 0, bytes.byteLength, position)).bytesRead,
          close: () => file.close(),
        }
      } catch (error) {
        await file.close()
        throw error
      }
    },
    async write(path, from, mode = 0o600) {
      const file = await open(path, flags[from], mode)
      return {
        async append(bytes) {
          for (let done = 0; done < bytes.byteLength; ) done += (await file.write(bytes, done)).bytesWritten
        },
        flush: () => file.datasync(),
        close: () => file.close(),
      }
    },
    async sizeOf(path) {
      return stat(path).then(
        (found) => (found.isFile() ? found.size : undefined),
        () => undefined,
      )
    },
    list: (folder) =>
      readdir(folder).then(
        (names) => names.toSorted(),
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return []
          throw error
        },
      ),
    makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
    rename,
    duplicate: (from, to) => link(from, to).catch(() => copyFile(from, to)), // file systems without hard links
    copy: copyFile,
    remove: (path) => rm(path, { recursive: true, force: true }),
    async flushFolder(path) {
      if (process.platform === 'win32') return // folders cannot be opened there; names are journaled by the file system
      const folder = await open(path, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
    async freeBytes(folder) {
      return statfs(folder).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => null,
      )
    },
    temporaryPath: (path) => `${path}.${Buffer.from(random.bytes(6)).toString('hex')}.tmp`,
  }
}

/** All bytes of a file in pieces, so that memory does not grow with its size. A piece is reused for the next one. */
export async function* piecesOf(disk: Disk, path: string, fromByte = 0): AsyncGenerator<Uint8Array> {
  const file = await disk.open(path)
  const piece = new Uint8Array(Math.max(1, Math.min(PIECE_BYTES, file.sizeBytes - fromByte)))
  try {
    for (let position = fromByte; ; ) {
      const count = await file.readInto(piece, position)
      if (count === 0) return
      yield piece.subarray(0, count)
      position += count
    }
  } finally {
    await file.close()
  }
}

const PIECE_BYTES = 256 * 1024
