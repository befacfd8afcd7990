import { type OpenFile, openBlocking, type RangeFile } from '../update/range-file.js'

/** Files that stay open between reads, up to a number: a process may open only so many. */
export interface FilePool extends AsyncDisposable {
  readonly isBlocking: boolean // a read is done when it returns, and nothing else happens meanwhile
  use<T>(path: string, read: (file: RangeFile) => Promise<T>): Promise<T>
  /** Closes what is open. */
  close(): Promise<void>
}

interface Entry {
  readonly file: Promise<RangeFile>
  readers: number
}

/** A pool that closes the file that was not read for longest when `most` are open. */
export function filePool(open: OpenFile, most = 64): FilePool {
  const entries = new Map<string, Entry>() // the one read last is the last
  const close = async (): Promise<void> => {
    const files = [...entries.values()].map(({ file }) => file)
    entries.clear()
    await Promise.all(files.map((file) => file.then((opened) => opened.close()).catch(() => undefined)))
  }
  return {
    isBlocking: open === openBlocking,
    async use(path, read) {
      const entry = entries.get(path) ?? { file: open(path), readers: 0 }
      entries.delete(path)
      entries.set(path, entry)
      entry.readers++
      try {
        const file = await entry.file.catch((error: unknown) => {
          entries.delete(path) // so that it is tried again
          throw error
        })
        return await read(file)
      } finally {
        entry.readers--
        await closeIdle(entries, most)
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function closeIdle(entries: Map<string, Entry>, most: number): Promise<void> {
  for (const [path, { file, readers }] of entries) {
    if (entries.size <= most) return
    if (readers > 0) continue
    entries.delete(path)
    await file.then((opened) => opened.close()).catch(() => undefined)
  }
}
