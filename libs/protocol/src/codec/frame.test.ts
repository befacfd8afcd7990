import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { decodeFrame, encodeFrame } from './frame.js'

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'passes'
  } catch (error) {
    return error instanceof LoricaError ? error.code : `threw ${String(error)}`
  }
}

const key = fc.string({ maxLength: 12 }).filter((text) => text !== '__proto__')
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !/\p{Cs}/u.test(text)),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 60 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5 }),
  ),
})).value

/** Bytes come back as views of another class: compare what they hold. */
function normal(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, normal(field)]))
}

describe('encodeFrame', () => {
  test('plain data comes back as it was', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(normal(decodeFrame(encodeFrame(value)))).toEqual(normal(value))
      }),
      { numRuns: 500 },
    )
  })

  test('fields that are undefined are left out', () => {
    expect(decodeFrame(encodeFrame({ name: 'berlin', tokens: undefined }))).toEqual({ name: 'berlin' })
  })

  test('typed arrays other than bytes are refused, so that no tensor is sent wrongly', () => {
    for (const tensor of [
      Float32Array.of(1.5, 2.5, 300.5),
      Float64Array.of(2),
      Int32Array.of(3),
      BigInt64Array.of(4n),
    ]) {
      expect(codeOf(() => encodeFrame({ update: tensor }))).toBe('LRC-1010')
    }
    expect(() => encodeFrame({ update: Float32Array.of(1.5) })).toThrow('value.update cannot be sent')
  })

  test('a tensor sent as the bytes that it is made of arrives bit for bit', () => {
    const tensor = Float32Array.of(1.5, 2.5, 300.5, -0.1)
    const bytes = decodeFrame(encodeFrame(new Uint8Array(tensor.buffer, 4, 8))) as Uint8Array
    expect([...new Float32Array(Uint8Array.from(bytes).buffer)]).toEqual([2.5, 300.5])
  })

  test.each([
    ['a date', new Date(5)],
    ['a map', new Map([['a', 2]])],
    ['a set', new Set([2])],
    ['a pattern', /a/],
    ['an error', new Error('no')],
    ['a function', () => 2],
    ['a bigint', 2n],
    ['a symbol', Symbol('a')],
    ['a buffer without a view', new ArrayBuffer(3)],
    ['undefined in a list', [undefined]],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
  ])('%s is refused', (_, value) => {
    expect(codeOf(() => encodeFrame({ value }))).toBe('LRC-1010')
  })

  test('a message beyond the size of a frame is refused by the sender', () => {
    expect(codeOf(() => encodeFrame({ bytes: new Uint8Array(600_000) }))).toBe('LRC-1002')
  })
})
