/**
 * Masks: the keystream of AES-256 in counter mode under a key of 256 bits, cut to the ring.
 * Every word of 32 bits is uniform, so its low bits are too: no value of the ring is left out or likelier than another.
 * https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38a.pdf
 *
 * @module
 */
import { createCipheriv } from 'node:crypto'
import { endianness } from 'node:os'
import { maskOf } from './fixed-point.js'

/** The most words of a keystream that are given at once: 32 KiB of it stay in the cache. */
export const CHUNK_WORDS = 8192
const zeros = new Uint8Array(CHUNK_WORDS * 4)
const counterStart = new Uint8Array(16) // a key expands one mask only, so it needs no nonce

/** A mask by its key, and whether it is added or taken away. */
export interface SignedMask {
  readonly key: Uint8Array // 32 bytes
  readonly sign: 1 | -1
}

/**
 * The vector with every mask added or taken away, modulo 2^bits; the vector itself stays as it is.
 * Throws RangeError when a key does not have 32 bytes.
 */
export function applyMasks(vector: Uint32Array, masks: readonly SignedMask[], bits: number): Uint32Array {
  const masked = vector.slice()
  const streams = masks.map(({ key, sign }) => ({
    read: keystream(key),
    apply: sign === 1 ? addWords : subtractWords,
  }))
  for (let start = 0; start < masked.length; start += CHUNK_WORDS) {
    const part = masked.subarray(start, start + CHUNK_WORDS) // stays in the cache while all masks are applied
    for (const { read, apply } of streams) apply(part, read(part.length))
  }
  const low = maskOf(bits)
  if (bits < 32) for (let i = 0; i < masked.length; i += 1) masked[i] = (masked[i] as number) & low
  return masked
}

// Read as signed words the sums stay machine integers, which is several times as fast; modulo 2^32 they are the same.
const signed = (words: Uint32Array): Int32Array =>
  new Int32Array(words.buffer, words.byteOffset, words.length)

function addWords(to: Uint32Array, words: Uint32Array): void {
  const sums = signed(to)
  const added = signed(words)
  for (let i = 0; i < sums.length; i += 1) sums[i] = ((sums[i] as number) + (added[i] as number)) | 0
}

function subtractWords(from: Uint32Array, words: Uint32Array): void {
  const rest = signed(from)
  const taken = signed(words)
  for (let i = 0; i < rest.length; i += 1) rest[i] = ((rest[i] as number) - (taken[i] as number)) | 0
}

/**
 * Reads up to `CHUNK_WORDS` words of 32 bits, little-endian, from the keystream of a key; each call goes on where the last one ended.
 * RangeError for more: fewer words than were asked for would be noise that is none.
 */
export function keystream(key: Uint8Array): (words: number) => Uint32Array {
  if (key.length !== 32) throw new RangeError(`key expected 32 bytes, got ${key.length}`)
  const cipher = createCipheriv('aes-256-ctr', key, counterStart)
  return (words) => {
    if (!(words >= 0 && words <= CHUNK_WORDS))
      throw new RangeError(`words expected 0 to ${CHUNK_WORDS}, got ${words}`)
    const bytes = cipher.update(zeros.subarray(0, words * 4))
    if (endianness() === 'BE') bytes.swap32()
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
    return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
  }
}
