import { maskOf } from './fixed-point.js'
import { CHUNK_WORDS, keystream } from './mask.js'
import { largestInteger, type Ring } from './ring.js'

/**
 * Values as ring elements, each rounded up or down at random so that its expectation is the value itself: an update whose values lie
 * below one step is not lost. Each is off by less than 2^-fractionBits, with a variance of at most a quarter of that squared, independently
 * of the others; the mean of n agents has a standard deviation of at most 2^-fractionBits / (2 sqrt(n)).
 *
 *   element = floor(s) + (u < s - floor(s))   modulo 2^bits,   s = x * 2^fractionBits, u uniform in [0, 1) on a grid of 2^-32
 *
 * `seed` is 32 bytes of a cryptographic generator and decides every u. Throws RangeError, with the index, for NaN, infinity, and a value
 * outside the bound: nothing is clipped silently.
 */
export function encodeStochastic(values: ArrayLike<number>, ring: Ring, seed: Uint8Array): Uint32Array {
  const scale = 2 ** ring.fractionBits
  const largest = largestInteger(ring.bound, ring.fractionBits)
  const mask = maskOf(ring.bits)
  const draw = keystream(seed)
  const encoded = new Uint32Array(values.length)
  for (let start = 0; start < values.length; start += CHUNK_WORDS) {
    const words = draw(Math.min(CHUNK_WORDS, values.length - start))
    for (let at = 0; at < words.length; at += 1) {
      const value = values[start + at] as number
      const chance = (words[at] as number) * 2 ** -32
      const floor = Math.floor(value * scale)
      const integer = chance < value * scale - floor ? floor + 1 : floor
      if (!(Math.abs(value) <= ring.bound && Math.abs(integer) <= largest))
        throw new RangeError(
          `value ${start + at} expected a finite number from -${ring.bound} to ${ring.bound}, got ${value}`,
        )
      encoded[start + at] = integer & mask
    }
  }
  return encoded
}
