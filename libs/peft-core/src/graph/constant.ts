/**
 * Between the little-endian bytes of a weight and numbers.
 * @module
 */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Constant } from '../operators/operator.js'
import { type Element, elementBytes, sizeOf, type Weight, type WeightData } from './graph.js'

/** The bytes of a weight, read from its file when they are not in memory. */
export function readWeight(data: WeightData): Uint8Array {
  if (data.kind === 'bytes') return data.bytes
  const bytes = new Uint8Array(data.length)
  const file = openSync(data.path, 'r')
  try {
    let filled = 0
    while (filled < data.length) {
      const read = readSync(file, bytes, filled, data.length - filled, data.offset + filled)
      if (read === 0)
        throw new RangeError(
          `"${data.path}" ends at ${data.offset + filled}; a weight needs ${data.length} bytes at ${data.offset}`,
        )
      filled += read
    }
  } finally {
    closeSync(file)
  }
  return bytes
}

/** A weight's numbers as float64. 64-bit integers beyond 2^53 become the nearest double (they only mean "to the end"). */
export function constantFromWeight(weight: Weight): Constant {
  const bytes = readWeight(weight.data)
  const count = sizeOf(weight.shape)
  const expected = Math.ceil(count * elementBytes[weight.element])
  if (bytes.byteLength !== expected) {
    throw new RangeError(`weight "${weight.name}" expected ${expected} bytes, got ${bytes.byteLength}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const data = Float64Array.from({ length: count }, (_, index) => readers[weight.element](view, index))
  return { element: weight.element, shape: weight.shape, data }
}

/** The little-endian bytes of numbers. Integers saturate at the limits of int64. */
export function weightBytes(values: ArrayLike<number>, element: Element): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length * elementBytes[element]))
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < values.length; index++) writers[element](view, index, values[index] as number)
  return bytes
}

export function weightFromConstant(name: string, constant: Constant): Weight {
  const bytes = weightBytes(constant.data, constant.element)
  return { name, element: constant.element, shape: constant.shape, data: { kind: 'bytes', bytes } }
}

type Read = (view: DataView, index: number) => number
type Write = (view: DataView, index: number, value: number) => void

const readers: Readonly<Record<Element, Read>> = {
  float32: (view, index) => view.getFloat32(index * 4, true),
  float64: (view, index) => view.getFloat64(index * 8, true),
  float16: (view, index) => halfToNumber(view.getUint16(index * 2, true)),
  bfloat16: (view, index) => bfloatToNumber(view.getUint16(index * 2, true)),
  int64: (view, index) => Number(view.getBigInt64(index * 8, true)),
  uint64: (view, index) => Number(view.getBigUint64(index * 8, true)),
  int32: (view, index) => view.getInt32(index * 4, true),
  uint32: (view, index) => view.getUint32(index * 4, true),
  int16: (view, index) => view.getInt16(index * 2, true),
  uint16: (view, index) => view.getUint16(index * 2, true),
  int8: (view, index) => view.getInt8(index),
  uint8: (view, index) => view.getUint8(index),
  uint4: (view, index) => (view.getUint8(index >> 1) >> (index % 2 === 0 ? 0 : 4)) & 15,
  int4: (view, index) => (((view.getUint8(index >> 1) >> (index % 2 === 0 ? 0 : 4)) & 15) ^ 8) - 8,
  bool: (view, index) => view.getUint8(index),
  string: () => {
    throw new TypeError('a tensor of strings has no numbers')
  },
}

const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return INT64_MAX
  if (value <= -(2 ** 63)) return INT64_MIN
  return BigInt(Math.trunc(value))
}

const unwritable: Write = () => {
  throw new TypeError('cannot write constants of this element; expected float32, float64 or an integer')
}

/** Half a byte, in a byte that holds no other number there yet. */
const writeHalf: Write = (view, index, value) =>
  view.setUint8(index >> 1, view.getUint8(index >> 1) | ((value & 15) << (index % 2 === 0 ? 0 : 4)))

const writers: Readonly<Record<Element, Write>> = {
  float32: (view, index, value) => view.setFloat32(index * 4, value, true),
  float64: (view, index, value) => view.setFloat64(index * 8, value, true),
  int64: (view, index, value) => view.setBigInt64(index * 8, toInt64(value), true),
  uint64: (view, index, value) => view.setBigUint64(index * 8, BigInt(Math.trunc(value)), true),
  int32: (view, index, value) => view.setInt32(index * 4, value, true),
  uint32: (view, index, value) => view.setUint32(index * 4, value, true),
  int16: (view, index, value) => view.setInt16(index * 2, value, true),
  uint16: (view, index, value) => view.setUint16(index * 2, value, true),
  int8: (view, index, value) => view.setInt8(index, value),
  uint8: (view, index, value) => view.setUint8(index, value),
  uint4: writeHalf,
  int4: writeHalf,
  bool: (view, index, value) => view.setUint8(index, value),
  float16: unwritable,
  bfloat16: unwritable,
  string: unwritable,
}

function bfloatToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, bits << 16)
  return view.getFloat32(0)
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
