import { asLoricaError, type LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Store, StoredLine } from '../store/store.js'
import { type ChainEnd, chainStart, followLine, type JournalEntry, nextLine } from './chain.js'
import type { JournalEvent } from './event.js'

export type { JournalEntry } from './chain.js'

/** An append-only record of events in a store, hash-chained, so that an edit of the past is found. */
export interface Journal {
  /** Adds a line and begins to write it. It is promised to nobody before `flush` resolves. */
  append(event: JournalEvent, at: string): JournalEntry
  /**
   * Resolves when every line appended before is safe; calls that overlap share a transaction. Rejects with LoricaError LRC-5005 while
   * the disk is full, and with LRC-5008 for good once another coordinator leads. Lines that could not be written are kept, and written
   * in order by themselves later or by the next flush.
   */
  flush(): Promise<void>
  /**
   * Resolves when every line appended before is safe, however long that takes: until there is room on the disk. Rejects with the reason
   * of `signal`.
   */
  safe(signal?: AbortSignal): Promise<void>
  /** Why the last attempt to write failed; null when all is well. */
  fault(): LoricaError | null
  /** The last line that is safe. */
  safeSeq(): number
  /** Calls `listener` whenever more lines are safe, and when that fails. */
  listen(listener: () => void): () => void
  /** Writes what is left, as far as that can be done, and stops. */
  close(): Promise<void>
}

const RETRY_MS = 2000

/** Reads a journal back and goes on from there under `epoch`. Throws LoricaError LRC-5001 naming a line that does not follow from the one before. */
export async function openJournal(
  store: Store,
  epoch: number,
  clock: Pick<Clock, 'after'>,
): Promise<{ readonly journal: Journal; readonly entries: readonly JournalEntry[] }> {
  const { entries, end } = await readJournal(store)
  return { journal: journalOf({ store, epoch, clock }, end), entries }
}

/** Reads a journal without writing to it. Throws as openJournal. */
export async function readJournal(store: Pick<Store, 'name' | 'read'>): Promise<{
  readonly entries: readonly JournalEntry[]
  readonly hashes: readonly string[] // one a line
  readonly end: ChainEnd
}> {
  const entries: JournalEntry[] = []
  const hashes: string[] = []
  let end = chainStart
  for await (const lines of store.read(0)) {
    for (const line of lines) {
      const followed = followLine(store.name, end, line)
      entries.push(followed.entry)
      end = followed.end
      hashes.push(end.hash)
    }
  }
  return { entries, hashes, end }
}

function journalOf(
  { store, epoch, clock }: { store: Store; epoch: number; clock: Pick<Clock, 'after'> },
  start: ChainEnd,
): Journal {
  let end = start
  let safeSeq = start.seq
  const queue: StoredLine[] = []
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let fault: LoricaError | null = null
  let cancelRetry = () => {}
  const listeners = new Set<() => void>()

  async function write(): Promise<void> {
    cancelRetry()
    if (fault?.code === 'LRC-5008') throw fault
    const batch = [...queue]
    try {
      if (batch.length > 0) await store.append(epoch, batch)
      queue.splice(0, batch.length)
      safeSeq += batch.length
      fault = null
    } catch (error) {
      fault = asLoricaError(error)
      if (fault.code !== 'LRC-5008') cancelRetry = clock.after(RETRY_MS, begin)
      throw fault
    } finally {
      for (const listener of [...listeners]) listener()
    }
  }

  /** The write that takes along everything queued by now: it starts when the one that runs is over. */
  function commit(): Promise<void> {
    next ??= (running ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        next = undefined
        running = write()
        return running
      })
    return next
  }

  function begin(): void {
    commit().catch(() => undefined) // flush tells whoever waits, and `fault` everybody else
  }

  return {
    append(event, at) {
      const { line, end: after, entry } = nextLine(end, event, at)
      end = after
      queue.push({ seq: entry.seq, line })
      begin()
      return entry
    },
    flush: () => (queue.length === 0 && fault === null ? Promise.resolve() : commit()),
    fault: () => fault,
    safeSeq: () => safeSeq,
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    safe(signal) {
      const { seq } = end
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!signal?.aborted && safeSeq < seq) return
          listeners.delete(look)
          signal?.removeEventListener('abort', look)
          if (signal?.aborted) reject(signal.reason)
          else resolve()
        }
        listeners.add(look)
        signal?.addEventListener('abort', look)
        look()
      })
    },
    async close() {
      await commit().catch(() => undefined)
      cancelRetry()
    },
  }
}
