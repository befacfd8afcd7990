import { largestInteger, type Ring } from './ring.js'

/**
 * Values as ring elements: round(x * 2^fractionBits) modulo 2^bits. Each is off by at most 2^-(fractionBits + 1).
 * Throws RangeError, with the index, for NaN, infinity and a value outside the bound: nothing is clipped silently.
 */
export function encodeFixedPoint(values: ArrayLike<number>, ring: Ring): Uint32Array {
  const scale = 2 ** ring.fractionBits
  const largest = largestInteger(ring.bound, ring.fractionBits)
  const mask = maskOf(ring.bits)
  const encoded = new Uint32Array(values.length)
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] as number
    const integer = Math.round(value * scale)
    if (!(Math.abs(value) <= ring.bound && Math.abs(integer) <= largest))
      throw new RangeError(
        `value ${i} expected a finite number from -${ring.bound} to ${ring.bound}, got ${value}`,
      )
    encoded[i] = integer & mask
  }
  return encoded
}

/**
 * What a sum of encoded values stands for, exact: elements from half of the modulus up are negative.
 * `count` is how many were added; throws RangeError when they are more than the ring was planned for, when an element is not of the
 * ring, or when it is larger than that many values can add up to.
 */
export function decodeFixedPoint(sum: Uint32Array, ring: Ring, count: number): Float64Array {
  if (!Number.isInteger(count) || count < 1 || count > ring.agents)
    throw new RangeError(`count expected a whole number from 1 to ${ring.agents}, got ${count}`)
  const modulus = 2 ** ring.bits
  const scale = 2 ** -ring.fractionBits
  const largest = count * largestInteger(ring.bound, ring.fractionBits)
  const decoded = new Float64Array(sum.length)
  for (let i = 0; i < sum.length; i += 1) {
    const element = sum[i] as number
    const integer = element >= modulus / 2 ? element - modulus : element
    if (Math.abs(integer) > largest || element >= modulus)
      throw new RangeError(
        `element ${i} expected a sum of ${count} values up to ${ring.bound}, got ${integer * scale}`,
      )
    decoded[i] = integer * scale
  }
  return decoded
}

/** The sum of two vectors of ring elements, modulo 2^bits. Throws RangeError when their lengths differ. */
export function addInRing(a: Uint32Array, b: Uint32Array, bits: number): Uint32Array {
  if (a.length !== b.length) throw new RangeError(`b expected ${a.length} elements, got ${b.length}`)
  const mask = maskOf(bits)
  const sum = new Uint32Array(a.length)
  for (let i = 0; i < sum.length; i += 1) sum[i] = ((a[i] as number) + (b[i] as number)) & mask
  return sum
}

/** Whether every element is below 2^bits. */
export function isInRing(vector: Uint32Array, bits: number): boolean {
  if (bits === 32) return true
  const modulus = 2 ** bits
  for (let i = 0; i < vector.length; i += 1) if ((vector[i] as number) >= modulus) return false
  return true
}

/** The low `bits` bits set, as the signed 32-bit number that `&` wants. */
export function maskOf(bits: number): number {
  return bits === 32 ? -1 : 2 ** bits - 1
}
