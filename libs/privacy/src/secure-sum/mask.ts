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

const CHUNK_WORDS = 16_384 // 64 KiB of keystream at a time stay in the cache
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
  const masked = Uint32Array.from(vector)
  const low = maskOf(bits)
  for (const { key, sign } of masks) {
    const stream = keystream(key)
    for (let start = 0; start < masked.length; start += CHUNK_WORDS) {
      const words = stream(Math.min(CHUNK_WORDS, masked.length - start))
      for (let i = 0; i < words.length; i += 1)
        masked[start + i] = ((masked[start + i] as number) + sign * (words[i] as number)) & low
    }
  }
  return masked
}

/** Reads up to 16384 words of 32 bits, little-endian, from the keystream of a key; each call goes on where the last one ended. */
export function keystream(key: Uint8Array): (words: number) => Uint32Array {
  if (key.length !== 32) throw new RangeError(`key expected 32 bytes, got ${key.length}`)
  const cipher = createCipheriv('aes-256-ctr', key, counterStart)
  return (words) => {
    const bytes = cipher.update(zeros.subarray(0, words * 4))
    if (endianness() === 'BE') bytes.swap32()
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes)
    return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4)
  }
}
