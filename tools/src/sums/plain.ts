/** The sum of vectors modulo 2^bits as bytes, `bits` bits an element, the least significant bit first: computed without the code that sums. */
export function packedSum(vectors: readonly Uint32Array[], bits: number): Uint8Array {
  const [first] = vectors
  if (first === undefined) throw new RangeError('vectors expected at least one, got none')
  const bytes = new Uint8Array(Math.ceil((first.length * bits) / 8))
  const modulus = 2 ** bits
  for (let at = 0; at < first.length; at++) {
    const sum = vectors.reduce((total, vector) => total + (vector[at] as number), 0) % modulus // below 2^53
    for (let bit = 0; bit < bits; bit++) {
      const place = at * bits + bit
      if (Math.floor(sum / 2 ** bit) % 2 === 1)
        bytes[place >> 3] = (bytes[place >> 3] as number) | (1 << (place & 7))
    }
  }
  return bytes
}
