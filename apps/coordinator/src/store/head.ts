import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import type { StoredLine } from './store.js'

/**
 * The last line that was committed, noted beside the database. SQLite takes a damaged frame of its log for the end of the log, and so
 * forgets what came after without a word; the note tells. It is not flushed: after a loss of power it may be behind, never ahead.
 */
export interface Head {
  note(line: StoredLine | undefined): void
  read(): { readonly seq: number; readonly sha256: string } | undefined
  /** Whether `line`, found where the note says, is the one that was noted. */
  isKept(line: StoredLine | undefined): boolean
  /** What is wrong when it is not, in words. */
  lost(lastSeq: number): string
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
    isKept(line) {
      const noted = read()
      return noted === undefined || (line !== undefined && hashOf(line.line) === noted.sha256)
    },
    lost: (lastSeq) =>
      `line ${read()?.seq} was written and is gone or changed: the database ends with line ${lastSeq}`,
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
