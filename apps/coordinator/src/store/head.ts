import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import type { StoredLine } from './store.js'

/** A line that was committed: its place, and the hash of its text. */
export interface Noted {
  readonly seq: number
  readonly sha256: string
}

/**
 * The last line that was committed, noted beside the database. SQLite takes a damaged frame of its log for the end of the log, and so
 * forgets what came after without a word; the note tells. It is not flushed: after a loss of power it may be behind, never ahead.
 */
export interface Head {
  note(line: StoredLine | undefined): void
  read(): Noted | undefined
  close(): void
}

const SIZE = 96 // one write of a fixed length: "seq sha256" and spaces

/** The note in the file `path`, which is made by the first note. */
export function openHead(path: string): Head {
  let file: number | undefined
  const read: Head['read'] = () => {
    try {
      const [, seq, sha256] = /^(\d+) ([0-9a-f]{64}) +\n$/.exec(readFileSync(path, 'latin1')) ?? []
      return seq === undefined || sha256 === undefined ? undefined : { seq: Number(seq), sha256 }
    } catch {
      return undefined
    }
  }
  return {
    note(line) {
      if (line === undefined) return
      try {
        file ??= openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
        writeSync(file, `${`${line.seq} ${hashOf(line.line)}`.padEnd(SIZE - 1)}\n`, 0, 'latin1')
      } catch {
        // a note that could not be taken is behind, as after a loss of power
      }
    },
    read,
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}

/** What is wrong with a database whose line at the place of the note is `line`, and whose last line is `lastSeq`. */
export function faultOf(noted: Noted, line: StoredLine | undefined, lastSeq: number): string | undefined {
  if (line !== undefined && hashOf(line.line) === noted.sha256) return undefined
  return `line ${noted.seq} was written and is gone or changed: the database ends with line ${lastSeq}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
