import { createHash } from 'node:crypto'
import { canonicalJson, LoricaError } from '@lorica/protocol'
import type { StoredLine } from '../store/store.js'
import type { JournalEvent } from './event.js'

/** One line: an event, its place, and a hash that covers it and every line before. */
export interface JournalEntry {
  readonly seq: number // 1, 2, ...
  readonly at: string // ISO 8601
  readonly event: JournalEvent
}

/** Where a chain of lines ends. */
export interface ChainEnd {
  readonly seq: number // 0: there is no line yet
  readonly hash: string
}

/** The end of the empty chain. */
export const chainStart: ChainEnd = { seq: 0, hash: '0'.repeat(64) }

/** The line that follows `end` with an event, and the end that it makes. */
export function nextLine(
  end: ChainEnd,
  event: JournalEvent,
  at: string,
): { readonly line: string; readonly end: ChainEnd; readonly entry: JournalEntry } {
  const seq = end.seq + 1
  const body = { ...event, seq, at, prev: end.hash }
  const hash = hashOf(canonicalJson(body))
  return { line: canonicalJson({ ...body, hash }), end: { seq, hash }, entry: { seq, at, event } }
}

/** Reads a line that has to follow `end`. Throws LoricaError LRC-5001 naming the line when it does not. `name` is of the journal. */
export function followLine(
  name: string,
  end: ChainEnd,
  { seq, line }: StoredLine,
): { readonly entry: JournalEntry; readonly end: ChainEnd } {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    throw damaged(name, seq, 'a line of JSON', 'other text')
  }
  const { hash, ...body } = parsed as { hash: string; seq: number; at: string; prev: string } & JournalEvent
  const due = end.seq + 1
  if (seq !== due || body.seq !== due) throw damaged(name, due, `line ${due}`, `line ${body.seq}`)
  if (body.prev !== end.hash) throw damaged(name, seq, `previous hash ${end.hash}`, String(body.prev))
  const wanted = hashOf(canonicalJson(body))
  if (hash !== wanted) throw damaged(name, seq, `hash ${wanted}`, String(hash))
  const { seq: _, at, prev: __, ...event } = body
  return { entry: { seq, at, event: event as JournalEvent }, end: { seq, hash } }
}

/** The lines of a journal that is a text file. A last line without a line feed was cut off by a crash and does not count. */
export function linesOf(text: string): readonly StoredLine[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => ({ seq: index + 1, line }))
}

/** Reads lines back, from the first on. Throws LoricaError LRC-5001 naming the line that does not follow. */
export function replay(
  name: string,
  lines: readonly StoredLine[],
): { readonly entries: readonly JournalEntry[]; readonly end: ChainEnd } {
  let end = chainStart
  const entries = lines.map((line) => {
    const followed = followLine(name, end, line)
    end = followed.end
    return followed.entry
  })
  return { entries, end }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

function damaged(name: string, line: number, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-5001', `${name}: line ${line}: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
