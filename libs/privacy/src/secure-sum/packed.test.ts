import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packedBytes, packRing, unpackRing } from './packed.js'

test('elements lie one after another, least significant bit first', () => {
  const packed = packRing(Uint32Array.of(1, 2047, 1365), 11)
  expect(Buffer.from(packed).toString('hex')).toBe('01f87f5501') // int.to_bytes of Python
  expect(packedBytes(3, 11)).toBe(5)
})

test('what was packed comes back, at every width', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 32 }),
      fc.array(fc.nat(2 ** 31 - 1), { maxLength: 70 }),
      (bits, raw) => {
        const elements = Uint32Array.from(raw, (x) => (x * 2 + 1) % 2 ** bits)
        expect(unpackRing(packRing(elements, bits), elements.length, bits)).toEqual(elements)
      },
    ),
  )
})

test('bytes that lie in the middle of other ones are read where they are, and stay as they are', () => {
  for (const bits of [7, 32]) {
    const elements = Uint32Array.of(5, 99, 2 ** bits - 1)
    const around = Buffer.concat([Buffer.of(1, 2, 3), packRing(elements, bits), Buffer.of(9)])
    const within = around.subarray(3, around.byteLength - 1)
    const back = unpackRing(within, 3, bits)
    expect([...back]).toEqual([...elements])
    back.fill(0)
    expect([...unpackRing(within, 3, bits)]).toEqual([...elements])
  }
})

test('elements too large, bytes too few and bits left over are refused', () => {
  expect(() => packRing(Uint32Array.of(3, 8), 3)).toThrow(/element 1 expected under 2\^3, got 8/)
  expect(() => unpackRing(new Uint8Array(4), 3, 11)).toThrow(/bytes expected 5/)
  expect(() => unpackRing(Uint8Array.of(0, 0, 0, 0, 2), 3, 11)).toThrow(/zeros after the last/)
  expect(() => packedBytes(3, 33)).toThrow(/bits expected/)
})
