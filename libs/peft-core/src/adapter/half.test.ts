import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.js'

const float16 = (...values: number[]) => [...float32ToFloat16(Float32Array.from(values))]
const bfloat16 = (...values: number[]) => [...float32ToBfloat16(Float32Array.from(values))]

test('float16 rounds to the nearest value, and ties to the even one', () => {
  expect(float16(1.5, -2, 0.1, 65504)).toEqual([0x3e00, 0xc000, 0x2e66, 0x7bff])
  expect(float16(2049, 2051)).toEqual([0x6800, 0x6802]) // between 2048 and 2050, between 2050 and 2052
})

test('float16 overflows to infinity from 65520 on, and underflows through subnormals to zero', () => {
  expect(float16(65519.99, 65520, Infinity, -1e9)).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00])
  expect(float16(2 ** -24, 3 * 2 ** -25, 2 ** -25, -(2 ** -25) * 1.001)).toEqual([1, 2, 0, 0x8001])
})

test('bfloat16 rounds to the nearest value, and ties to the even one', () => {
  expect(bfloat16(0.1, -1 / 3, 1 + 2 ** -8, 1 + 3 * 2 ** -8)).toEqual([0x3dcd, 0xbeab, 0x3f80, 0x3f82])
  expect(bfloat16(3.4e38, Number.NaN, -Infinity)).toEqual([0x7f80, 0x7fc0, 0xff80])
})

test('a NaN stays a NaN', () => {
  expect(float16(Number.NaN)[0]).toBe(0x7e00)
  expect([...float16ToFloat32(Uint16Array.of(0x7e01, 0xfc00))]).toEqual([Number.NaN, -Infinity])
})

test('every half-precision number survives the way to float32 and back', () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits)
  const isNumber = (value: number) => !Number.isNaN(value)
  const wide = float16ToFloat32(all)
  expect(float32ToFloat16(wide).filter((_, index) => isNumber(wide[index] as number))).toEqual(
    all.filter((_, index) => isNumber(wide[index] as number)),
  )
  const brain = bfloat16ToFloat32(all)
  expect(float32ToBfloat16(brain).filter((_, index) => isNumber(brain[index] as number))).toEqual(
    all.filter((_, index) => isNumber(brain[index] as number)),
  )
})

test('no half-precision number is nearer than the chosen one', () => {
  fc.assert(
    fc.property(fc.float({ min: -65000, max: 65000, noNaN: true }), (value) => {
      const [bits = 0] = float16(value)
      const at = (pattern: number) => float16ToFloat32(Uint16Array.of(pattern))[0] as number
      const error = Math.abs(at(bits) - value)
      for (const neighbour of [bits - 1, bits + 1].filter(
        (pattern) => (pattern & 0x7fff) < 0x7c00 && pattern >= 0,
      )) {
        expect(error).toBeLessThanOrEqual(Math.abs(at(neighbour) - value))
      }
    }),
  )
})
