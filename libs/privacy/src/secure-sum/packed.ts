import { endianness } from 'node:os'

/**
 * Ring elements as bytes: `bits` bits each, one after another, the least significant bit first; zeros fill the last byte.
 * Throws RangeError when an element does not fit.
 */
export function packRing(elements: Uint32Array, bits: number): Uint8Array<ArrayBuffer> {
  if (bits === 32) return asBytes(elements)
  const bytes = new Uint8Array(packedBytes(elements.length, bits))
  const modulus = 2 ** bits
  let held = 0 // bits that wait for a whole byte; a plain number, because up to 39 of them wait
  let heldBits = 0
  let at = 0
  for (let i = 0; i < elements.length; i += 1) {
    const element = elements[i] as number
    if (element >= modulus) throw new RangeError(`element ${i} expected under 2^${bits}, got ${element}`)
    held += element * 2 ** heldBits
    heldBits += bits
    while (heldBits >= 8) {
      bytes[at] = held % 256
      at += 1
      held = Math.floor(held / 256)
      heldBits -= 8
    }
  }
  if (heldBits > 0) bytes[at] = held
  return bytes
}

/** The elements that packRing wrote. Throws RangeError when the bytes are not exactly `length` elements of `bits` bits. */
export function unpackRing(bytes: Uint8Array, length: number, bits: number): Uint32Array {
  const expected = packedBytes(length, bits)
  if (bytes.length !== expected)
    throw new RangeError(
      `bytes expected ${expected} for ${length} elements of ${bits} bits, got ${bytes.length}`,
    )
  if (bits === 32) return asWords(bytes)
  const elements = new Uint32Array(length)
  const modulus = 2 ** bits
  let held = 0
  let heldBits = 0
  let at = 0
  for (let i = 0; i < length; i += 1) {
    while (heldBits < bits) {
      held += (bytes[at] as number) * 2 ** heldBits
      at += 1
      heldBits += 8
    }
    elements[i] = held % modulus
    held = Math.floor(held / modulus)
    heldBits -= bits
  }
  if (held !== 0) throw new RangeError(`bytes expected zeros after the last element, got ${held}`)
  return elements
}

function asBytes(words: Uint32Array): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(words.slice().buffer)
  return new Uint8Array(littleEndian(bytes).buffer)
}

function asWords(bytes: Uint8Array): Uint32Array {
  const copy = new Uint8Array(bytes) // slice of a Buffer is no copy
  return new Uint32Array(littleEndian(Buffer.from(copy.buffer)).buffer)
}

const littleEndian = (words: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> =>
  endianness() === 'BE' ? words.swap32() : words

/** Bytes of `length` packed elements of `bits` bits. */
export function packedBytes(length: number, bits: number): number {
  if (!Number.isInteger(bits) || bits < 1 || bits > 32)
    throw new RangeError(`bits expected a whole number from 1 to 32, got ${bits}`)
  return Math.ceil((length * bits) / 8)
}
