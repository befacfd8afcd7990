/**
 * Takes the mask of RFC 6455, section 5.3, off a payload, in place: byte i is XORed with byte i mod 4 of the mask. It works on
 * words of four bytes, four at a time; byte by byte it would cost more than everything else that is done with an update.
 */
export function unmask(bytes: Uint8Array, mask: Uint8Array): void {
  const { byteLength } = bytes
  const lead = byteLength < 8 ? byteLength : -bytes.byteOffset & 3 // bytes before the first word
  xor(bytes.subarray(0, lead), mask, 0)
  if (lead === byteLength) return
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + lead, (byteLength - lead) >>> 2)
  const rotated = Uint8Array.from({ length: 4 }, (_, index) => mask[(lead + index) & 3]!)
  const word = new Int32Array(rotated.buffer)[0]!
  const fours = words.length & ~3
  for (let at = 0; at < fours; at += 4) {
    words[at]! ^= word
    words[at + 1]! ^= word
    words[at + 2]! ^= word
    words[at + 3]! ^= word
  }
  for (let at = fours; at < words.length; at++) words[at]! ^= word
  const done = lead + 4 * words.length
  xor(bytes.subarray(done), mask, done)
}

function xor(bytes: Uint8Array, mask: Uint8Array, from: number): void {
  for (let index = 0; index < bytes.byteLength; index++) bytes[index]! ^= mask[(from + index) & 3]!
}
