import { expect, test } from 'vitest'
import { floatTensor, integerValues, storedAs } from './values.js'

test('bytes that begin anywhere in a file are read', () => {
  const file = new Uint8Array(11)
  file.set(new Uint8Array(Float32Array.of(-1.25, 7).buffer), 3)
  expect([...floatTensor({ element: 'float32', shape: [2], bytes: file.subarray(3) }).data]).toEqual([
    -1.25, 7,
  ])
})

test('float64 is rounded to float32', () => {
  const bytes = new Uint8Array(Float64Array.of(0.1).buffer)
  expect(floatTensor({ element: 'float64', shape: [1], bytes }).data[0]).toBe(Math.fround(0.1))
})

test('whole numbers of every element become int32', () => {
  const of = (
    element: 'int64' | 'int16' | 'uint8' | 'bool' | 'uint32',
    values: { buffer: ArrayBuffer; length: number },
  ) => [...integerValues({ element, shape: [values.length], bytes: new Uint8Array(values.buffer) })]
  expect(of('int64', BigInt64Array.of(-100n, 50256n))).toEqual([-100, 50256])
  expect(of('int16', Int16Array.of(-7, 300))).toEqual([-7, 300])
  expect(of('uint8', Uint8Array.of(200))).toEqual([200])
  expect(of('bool', Uint8Array.of(1, 0))).toEqual([1, 0])
  expect(() => of('int64', BigInt64Array.of(2n ** 31n))).toThrow(
    'expected a whole number of 32 bits, got 2147483648',
  )
  expect(() => of('uint32', Uint32Array.of(2 ** 31))).toThrow('32 bits')
})

test('an element of the other kind is refused', () => {
  expect(() => floatTensor({ element: 'int32', shape: [1], bytes: new Uint8Array(4) })).toThrow(TypeError)
  expect(() => integerValues({ element: 'float32', shape: [1], bytes: new Uint8Array(4) })).toThrow(TypeError)
})

test('a tensor is stored in the asked precision', () => {
  const stored = storedAs({ shape: [2], data: Float32Array.of(1.5, 0.1) }, 'float16')
  expect(stored).toEqual({ element: 'float16', shape: [2], bytes: Uint8Array.of(0x00, 0x3e, 0x66, 0x2e) })
  expect(() => storedAs({ shape: [3], data: Float32Array.of(1, 2) }, 'float32')).toThrow(
    'expected 3 values, got 2',
  )
})
