/**
 * Words of texts, and hashes of them: what is looked for in a text need not be readable where it is looked for.
 * @module
 */
import { createHash, createHmac } from 'node:crypto'

const HASH_BYTES = 8
const NO_WORD = /[^\p{L}\p{M}\p{N}]+/u

/** The words of a text, in lower case and without punctuation (NFKC). */
export function wordsOf(text: string): readonly string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .split(NO_WORD)
    .filter((word) => word !== '')
}

/** The first 8 bytes of the SHA-256 of a word, in lower case. */
export function wordHash(word: string): Uint8Array {
  return createHash('sha256').update(word.normalize('NFKC').toLowerCase()).digest().subarray(0, HASH_BYTES)
}

/**
 * Of each `length` words that follow one another in a text: the first 8 bytes of their HMAC-SHA256. Who has the key can look up whether a text
 * that is known has them; who has not learns nothing.
 */
export function* gramHashes(
  words: readonly string[],
  key: Uint8Array,
  length: number,
): Generator<Uint8Array> {
  for (let at = 0; at + length <= words.length; at++) {
    const gram = words.slice(at, at + length).join(' ')
    yield createHmac('sha256', key).update(gram).digest().subarray(0, HASH_BYTES)
  }
}

/** Hashes as they stand one after the other. */
export function hashList(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: bytes.byteLength / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )
}

/** What a hash is found by in a `Set` or a `Map`. */
export function hashKey(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1')
}
