/**
 * Distinguished Encoding Rules, as far as a certificate needs them: https://www.itu.int/rec/T-REC-X.690
 * @module
 */

/** One value: its tag, the length of its content, its content. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body.byteLength), body])
}

export const sequence = (...items: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...items)
export const setOf = (...items: readonly Uint8Array[]): Uint8Array => tlv(0x31, ...items)
export const octets = (bytes: Uint8Array): Uint8Array => tlv(0x04, bytes)
export const bits = (bytes: Uint8Array): Uint8Array => tlv(0x03, Buffer.from([0]), bytes)
export const text = (value: string): Uint8Array => tlv(0x0c, Buffer.from(value, 'utf8'))
export const yes = tlv(0x01, Buffer.from([0xff]))

/** A positive whole number, given as its bytes, the first of which is not 0. */
export function integer(bytes: Uint8Array): Uint8Array {
  const isNegative = (bytes[0] ?? 0) >= 0x80
  return tlv(0x02, isNegative ? Buffer.from([0]) : Buffer.alloc(0), bytes)
}

/** An object identifier, such as 2.5.4.3. */
export function identifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** A moment before 2050 as UTCTime, and a later one as GeneralizedTime, to the second. */
export function moment(timeMs: number): Uint8Array {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}

function base128(value: number): readonly number[] {
  const low = value & 0x7f
  return value < 0x80 ? [low] : [...base128(value >>> 7).map((digit) => digit | 0x80), low]
}

function lengthOf(size: number): Uint8Array {
  if (size < 0x80) return Buffer.from([size])
  const digits = size.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.byteLength]), bytes])
}
