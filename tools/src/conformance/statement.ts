import type { Candidate } from './candidate.js'

/** One thing that PROTOCOL.md says of a coordinator, and how to see whether it holds. */
export interface Statement {
  readonly section: string // of PROTOCOL.md
  readonly statement: string
  readonly expected: string
  /** What the candidate did, in the words of `expected` when it did what the statement says. */
  readonly observe: (candidate: Candidate) => Promise<string | Unexamined>
}

/** That a statement could not be looked at. */
export interface Unexamined {
  readonly because: string
}

/** What became of one statement. */
export interface Finding {
  readonly section: string
  readonly statement: string
  readonly state: 'holds' | 'fails' | 'not examined'
  readonly expected: string
  readonly received: string // or why it was not examined
}
