import { createHash } from 'node:crypto'
import { closeSync, fdatasync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { canonicalJson, LoricaError } from '@lorica/protocol'
import type { JournalEvent } from './journal-event.js'
import { diskError } from './store/disk-error.js'

const datasync = promisify(fdatasync)

/** One line: an event, its place, and a hash that covers it and every line before. */
export interface JournalEntry {
  readonly seq: number // 1, 2, ...
  readonly at: string // ISO 8601
  readonly event: JournalEvent
}

/** An append-only file of events, hash-chained, so that an edit of the past is found. */
export interface Journal {
  /** Writes a line; it survives the end of the process, and a loss of power once `flush` resolves. */
  append(event: JournalEvent, at: string): JournalEntry
  /** Resolves when every line appended before is safe on disk. Calls that overlap share one flush. */
  flush(): Promise<void>
  close(): Promise<void>
}

const GENESIS = '0'.repeat(64)

/**
 * Opens a journal and reads it back. A last line that was cut off by a crash was never acknowledged and is removed.
 * Throws LoricaError LRC-5001 naming the line when a line does not follow from the one before.
 */
export function openJournal(path: string): {
  readonly journal: Journal
  readonly entries: readonly JournalEntry[]
} {
  const file = openSync(path, 'a+', 0o600)
  const { entries, hash, sizeBytes } = replay(path, readFileSync(file))
  ftruncateSync(file, sizeBytes)
  return { journal: journalOf(path, file, { seq: entries.length, hash, sizeBytes }), entries }
}

/** Reads the lines of a journal without changing it. Throws as openJournal. */
export function replay(
  path: string,
  bytes: Uint8Array,
): { readonly entries: readonly JournalEntry[]; readonly hash: string; readonly sizeBytes: number } {
  const entries: JournalEntry[] = []
  let hash = GENESIS
  let start = 0
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
    const entry = entryOf(path, line, entries.length + 1, hash)
    entries.push(entry.entry)
    hash = entry.hash
    start = end + 1
  }
  return { entries, hash, sizeBytes: start }
}

function entryOf(
  path: string,
  line: string,
  seq: number,
  prev: string,
): { entry: JournalEntry; hash: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    throw damaged(path, seq, 'a line of JSON', 'other text')
  }
  const { hash, ...body } = parsed as { hash: string; seq: number; at: string; prev: string } & JournalEvent
  if (body.seq !== seq) throw damaged(path, seq, `line ${seq}`, `line ${body.seq}`)
  if (body.prev !== prev) throw damaged(path, seq, `previous hash ${prev}`, String(body.prev))
  const wanted = hashOf(canonicalJson(body))
  if (hash !== wanted) throw damaged(path, seq, `hash ${wanted}`, String(hash))
  const { seq: _, at, prev: __, ...event } = body
  return { entry: { seq, at, event: event as JournalEvent }, hash }
}

function journalOf(
  path: string,
  file: number,
  end: { seq: number; hash: string; sizeBytes: number },
): Journal {
  let { seq, hash, sizeBytes } = end
  let running: Promise<void> = Promise.resolve()
  let queued: Promise<void> | undefined
  return {
    append(event, at) {
      const body = { ...event, seq: seq + 1, at, prev: hash }
      const nextHash = hashOf(canonicalJson(body))
      const line = Buffer.from(`${canonicalJson({ ...body, hash: nextHash })}\n`, 'utf8')
      try {
        for (let done = 0; done < line.byteLength; ) done += writeSync(file, line, done)
      } catch (error) {
        ftruncateSync(file, sizeBytes)
        throw diskError(error, path)
      }
      seq++
      hash = nextHash
      sizeBytes += line.byteLength
      return { seq, at, event }
    },
    flush() {
      queued ??= running
        .catch(() => undefined)
        .then(() => {
          queued = undefined
          running = datasync(file)
          return running
        })
      return queued
    },
    async close() {
      await running.catch(() => undefined)
      await datasync(file)
      closeSync(file)
    },
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

function damaged(path: string, line: number, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-5001', `${path}: line ${line}: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
