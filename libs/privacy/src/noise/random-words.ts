import { randomBytes } from 'node:crypto'
import { CHUNK_WORDS, keystream } from '../secure-sum/mask.js'

/** Gives the next word of 32 random bits, as a whole number from 0 to 2^32 - 1. */
export type RandomWords = () => number

const WORDS = CHUNK_WORDS // of one turn

/**
 * Words of the keystream of AES-256 in counter mode under a key from the operating system, which is drawn here, is nowhere else, and
 * is gone with the function: nobody can draw the same words again.
 */
export function randomWords(): RandomWords {
  const stream = keystream(randomBytes(32))
  let words = stream(WORDS)
  let next = 0
  return () => {
    if (next === WORDS) {
      words = stream(WORDS)
      next = 0
    }
    return words[next++] as number
  }
}
