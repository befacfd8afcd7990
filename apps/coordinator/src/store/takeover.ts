import { linesOf, replay } from '../journal/chain.js'
import type { Disk } from './disk.js'
import { diskError } from './disk-error.js'
import type { Store, StoredLine } from './store.js'

const AT_ONCE = 1000

/**
 * Takes the journal of a folder that an earlier version wrote, a text file, into the store, and renames the file. A crash in between
 * is made good by the next call. Throws LoricaError LRC-5001 when the file is damaged, or the store has another journal.
 */
export async function takeOverJournal(
  disk: Disk,
  path: string,
  store: Store,
  epoch: number,
): Promise<number> {
  const bytes = await disk.read(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw diskError(error, path)
  })
  if (bytes === undefined) return 0
  const lines = linesOf(Buffer.from(bytes).toString('utf8'))
  replay(path, lines)
  await appendAll(store, epoch, lines)
  await disk.rename(path, `${path}.taken-over`)
  return lines.length
}

/** Appends lines to a store, a thousand in a transaction. Lines that it has already are held against it. */
export async function appendAll(store: Store, epoch: number, lines: readonly StoredLine[]): Promise<void> {
  for (let at = 0; at < lines.length; at += AT_ONCE) await store.append(epoch, lines.slice(at, at + AT_ONCE))
}
