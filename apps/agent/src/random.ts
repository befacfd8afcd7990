import { randomBytes } from 'node:crypto'

/** Randomness, as an argument. */
export interface Random {
  /** Bytes that nobody can foresee. */
  bytes(length: number): Uint8Array
  /** A number from 0 to 1, without 1; for pauses and the like, not for secrets. */
  fraction(): number
}

/** The randomness of the operating system. */
export function systemRandom(): Random {
  return { bytes: (length) => randomBytes(length), fraction: Math.random }
}
