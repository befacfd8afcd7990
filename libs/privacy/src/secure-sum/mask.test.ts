import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { addInRing } from './fixed-point.js'
import { applyMasks, keystream, type SignedMask } from './mask.js'

test('the keystream is AES-256 of the counter', () => {
  // AES-256 of a block of zeros under a key of zeros: dc95c078a2408989ad48a21492842087 (test case 13 of the GCM specification)
  const words = keystream(new Uint8Array(32))(4)
  expect(Array.from(words, (word) => word.toString(16))).toEqual([
    '78c095dc',
    '898940a2',
    '14a248ad',
    '87208492',
  ])
})

test('a mask added and the same mask taken away cancel, at every width', () => {
  const key = randomBytes(32)
  for (const bits of [2, 7, 16, 31, 32]) {
    const vector = Uint32Array.from({ length: 16_400 }, (_, i) => (i * 2654435761) % 2 ** bits)
    const added = applyMasks(vector, [{ key, sign: 1 }], bits)
    const taken = applyMasks(vector, [{ key, sign: -1 }], bits)
    expect(same(added, vector)).toBe(false)
    expect(Math.max(...added.subarray(0, 1000))).toBeLessThan(2 ** bits)
    expect(same(addInRing(added, taken, bits), addInRing(vector, vector, bits))).toBe(true)
    expect(same(applyMasks(added, [{ key, sign: -1 }], bits), vector)).toBe(true)
  }
})

test('keys that differ in any one byte give different masks', () => {
  const key = new Uint8Array(32)
  const mask = (at: number) => keystream(key.with(at, 1))(4).join()
  expect(new Set(Array.from({ length: 32 }, (_, at) => mask(at))).size).toBe(32)
  expect(() => keystream(new Uint8Array(4))).toThrow(/key expected 32 bytes, got 4/)
})

test('masked values are uniform over the ring and say nothing about what is below', () => {
  const length = 65_536
  const masks: SignedMask[] = [1, -1, 1].map((sign) => ({ key: randomBytes(32), sign: sign as 1 | -1 }))
  for (const bits of [5, 19, 32]) {
    const vector = Uint32Array.from({ length }, (_, i) => i % 3) // small numbers, as encoded updates are
    const masked = applyMasks(vector, masks, bits)
    expect(chiSquare(masked, bits, (x) => Math.floor(x / 2 ** (bits - 5)))).toBeLessThan(80) // 31 degrees of freedom: p < 5e-6
    expect(chiSquare(masked, bits, (x) => x % 32)).toBeLessThan(80)
    const centre = 2 ** (bits - 1) - 0.5
    const deviation = (2 ** bits / Math.sqrt(12)) * Math.sqrt(2 / 3)
    const covariance = masked.reduce((total, y, i) => total + (y - centre) * (vector[i]! - 1), 0)
    expect(Math.abs(covariance) / (deviation * Math.sqrt(length))).toBeLessThan(5)
  }
})

test('the uniformity test sees a mask that leaves out one value in 32', () => {
  const short = Uint32Array.from({ length: 65_536 }, (_, i) => (i * 7) % 31)
  expect(chiSquare(short, 5, (x) => x)).toBeGreaterThan(1000)
})

const same = (a: Uint32Array, b: Uint32Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))

function chiSquare(values: Uint32Array, bits: number, bin: (x: number) => number): number {
  const counts = new Array<number>(32).fill(0)
  for (const value of values) counts[bin(value % 2 ** bits)]! += 1
  const expected = values.length / 32
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)
}

test('masks are added and taken away in order, modulo the ring', () => {
  const key = new Uint8Array(32)
  // 0x78c095dc of the keystream, cut to 20 bits: 0x095dc
  expect(applyMasks(Uint32Array.of(0xfffff), [{ key, sign: 1 }], 20)[0]).toBe(0x095db)
  expect(applyMasks(Uint32Array.of(1), [{ key, sign: -1 }], 20)[0]).toBe(0x100001 - 0x095dc)
  expect(applyMasks(Uint32Array.of(2), [{ key, sign: -1 }], 32)[0]).toBe(2 ** 32 + 2 - 0x78c095dc)
})

test('a keystream that is asked for more than it gives at once refuses, and gives no fewer', () => {
  const stream = keystream(new Uint8Array(32).fill(7))
  expect(stream(8192)).toHaveLength(8192)
  expect(() => stream(8193)).toThrow('words expected 0 to 8192, got 8193')
  expect(() => stream(Number.NaN)).toThrow('got NaN')
})
