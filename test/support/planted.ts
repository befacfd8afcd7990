/**
 * Secrets planted in private data, and every form in which they could leave.
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Tokenizer } from '@lorica/peft-core'

export interface Planted {
  readonly secrets: readonly string[]
  /** The forms of the secrets that some bytes hold; none is what is wanted. */
  formsIn(bytes: Buffer): readonly string[]
}

/** A text that nothing else holds by chance. */
export const freshSecret = (): string => {
  const word = () => randomBytes(5).toString('base64url').replaceAll(/[-_]/g, 'x')
  return `Zq-${word()}-${word()}-${word()}`
}

const TEXT = 14 // characters of a secret that count as it; pieces at both ends, since a message may be cut
const TOKENS = 5 // in a row that count as it; a single one is no secret

/** Knows secrets in the clear, encoded, cut, and as tokens of a model in the encodings that programs use for numbers. */
export function planted(secrets: readonly string[], tokenizer: Pick<Tokenizer, 'encode'>): Planted {
  const forms = secrets.flatMap((secret) => {
    const ids = tokenizer.encode(secret)
    const middle = Math.floor((ids.length - TOKENS) / 2) // the first ones depend on what stands before
    return [
      ...textForms(secret.slice(0, TEXT)),
      ...textForms(secret.slice(-TEXT)),
      ...tokenForms(ids.slice(middle, middle + TOKENS)),
    ]
  })
  return {
    secrets,
    formsIn: (bytes) => forms.filter(([, form]) => bytes.includes(form)).map(([name]) => name),
  }
}

type Form = readonly [name: string, bytes: Buffer]

function textForms(text: string): readonly Form[] {
  const utf16 = Buffer.from(text, 'utf16le')
  return [
    ...[text, text.toLowerCase(), text.toUpperCase()].map((form): Form => ['text', Buffer.from(form)]),
    ['reversed', Buffer.from([...text].reverse().join(''))],
    ['utf-16', utf16],
    ['utf-16, big-endian', Buffer.from(utf16).swap16()],
    ['percent', Buffer.from([...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''))],
    [
      'escapes',
      Buffer.from([...text].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')),
    ],
    ['list of bytes', Buffer.from([...Buffer.from(text)].join(','))],
    ...inText('text', Buffer.from(text)),
    ...inText('utf-16', utf16),
  ]
}

/** Bytes written as text: hexadecimal, and base64 at each of the places where a group of three may begin. */
function inText(name: string, bytes: Buffer): readonly Form[] {
  const hex = bytes.toString('hex')
  const groups = [0, 1, 2].map((skip) =>
    bytes.subarray(skip, skip + 3 * Math.floor((bytes.length - skip) / 3)),
  )
  return [
    [`${name} in hex`, Buffer.from(hex)],
    [`${name} in hex`, Buffer.from(hex.toUpperCase())],
    ...groups.flatMap((group): Form[] => [
      [`${name} in base64`, Buffer.from(group.toString('base64'))],
      [`${name} in base64url`, Buffer.from(group.toString('base64url'))],
    ]),
  ]
}

function tokenForms(ids: readonly number[]): readonly Form[] {
  const arrays: readonly Form[] = [
    ['int16', Buffer.from(Uint16Array.from(ids).buffer)],
    ['int32', Buffer.from(Int32Array.from(ids).buffer)],
    ['int64', Buffer.from(BigInt64Array.from(ids, BigInt).buffer)],
    ['float32', Buffer.from(Float32Array.from(ids).buffer)],
    ['float64', Buffer.from(Float64Array.from(ids).buffer)],
  ]
  return [
    ...arrays,
    ['int16, big-endian', Buffer.from(Uint16Array.from(ids).buffer).swap16()],
    ['int32, big-endian', Buffer.from(Int32Array.from(ids).buffer).swap32()],
    ['int64, big-endian', Buffer.from(BigInt64Array.from(ids, BigInt).buffer).swap64()],
    ['msgpack', Buffer.from(ids.flatMap(packed))],
    ['varint', Buffer.from(ids.flatMap(varint))],
    ...[',', ', ', ' ', '\n', '\t'].map(
      (between): Form => ['list of tokens', Buffer.from(ids.join(between))],
    ),
    ...arrays.flatMap(([name, bytes]) => inText(`tokens as ${name}`, bytes)),
  ].map(([name, bytes]): Form => [`tokens: ${name}`, bytes as Buffer])
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}

/** A whole number below 2^16 in MessagePack. */
function packed(value: number): readonly number[] {
  if (value < 128) return [value]
  return value < 256 ? [0xcc, value] : [0xcd, value >> 8, value % 256]
}
