import { randomBytes } from 'node:crypto'
import { CHUNK_WORDS, keystream } from '../secure-sum/mask.js'

/** Gives the next word of 32 random bits, as a whole number from 0 to 2^32 - 1. */
export type RandomWords = () => number

const WORDS = CHUNK_WORDS // of one turn

/**
 * Words of the keystream of AES-256 in counter mode under a key of 32 bytes. Without one it is from the operating system, drawn here, nowhere
 * else, and gone with the function: nobody can draw the same words again.
 */
export function randomWords(key: Uint8Array = randomBytes(32)): RandomWords {
  const stream = keystream(key)
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
