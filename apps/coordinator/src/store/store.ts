import type { Claim } from './claim.js'

/** A line of the journal as it is kept: its place, and its text without a line feed. */
export interface StoredLine {
  readonly seq: number // 1, 2, ... without holes
  readonly line: string
}

/**
 * Where a journal is kept, and who may write to it. Whoever leads has an epoch, greater than every one before, that is checked
 * inside each transaction that writes: a coordinator that was replaced cannot write any more.
 */
export interface Store {
  /** What it is, for messages: a path, or a URL without its password. */
  readonly name: string
  /** Drawn when it was made; null while it is empty. */
  id(): Promise<string | null>
  /**
   * Takes the lead and brings the schema to this version, in one transaction. Returns the epoch. Throws LoricaError LRC-5003
   * while another coordinator leads, LRC-5007 when a newer version wrote the store.
   */
  lead(claim: Claim): Promise<number>
  /** Prolongs the lease of `epoch`. Throws LoricaError LRC-5008 when another coordinator took the lead. */
  renew(epoch: number): Promise<void>
  /** Gives the lead up, if `epoch` still has it. */
  release(epoch: number): Promise<void>
  /** The lines after `after` in order, some at a time. */
  read(after: number): AsyncIterable<readonly StoredLine[]>
  /**
   * Appends lines in one transaction; they survive a loss of power when it resolves. Lines that are there already are passed over, so
   * a call whose outcome is not known may be repeated. Throws LoricaError LRC-5001, LRC-5005, LRC-5008 or LRC-5009; then none
   * is promised.
   */
  append(epoch: number, lines: readonly StoredLine[]): Promise<void>
  /** What is wrong with it, in words; nothing of it is changed. */
  verify(): Promise<readonly string[]>
  close(): Promise<void>
}
