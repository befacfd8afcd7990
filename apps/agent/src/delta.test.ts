import type { TensorMap } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { deltaOf, subtract } from './delta.js'

const tensors = (a: readonly number[], b: readonly number[]): TensorMap =>
  new Map([
    ['m.lora_A.weight', { shape: [1, 2], data: new Float32Array(a) }],
    ['m.lora_B.weight', { shape: [2, 1], data: new Float32Array(b) }],
  ])
const received = tensors([1, 5], [0.5, -2])
const trained = tensors([3, 2], [0.5, 4]) // differences 2, -3, 0, 6: norm 7

test('a delta is what training changed', () => {
  const { tensors, norm, clipFactor } = deltaOf(trained, received, null)
  expect(numbers(deltaOf(trained, received, null).bytes)).toEqual([2, -3, 0, 6])
  expect([norm, clipFactor]).toEqual([7, 1])
  expect(tensors).toEqual([
    { name: 'm.lora_A.weight', shape: [1, 2], sizeBytes: 8 },
    { name: 'm.lora_B.weight', shape: [2, 1], sizeBytes: 8 },
  ])
})

test('a delta is clipped over all its tensors jointly', () => {
  const { bytes, norm, clipFactor } = deltaOf(trained, received, 3.5)
  expect(numbers(bytes)).toEqual([1, -1.5, 0, 3])
  expect([norm, clipFactor]).toEqual([7, 0.5])
})

test('a delta is a safetensors file that says what it is, named by its bytes', () => {
  const { bytes, sha256 } = deltaOf(trained, received, null)
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + headerBytes)).toString())
  expect(header.__metadata__).toEqual({ format: 'pt', lorica: 'delta' })
  expect(header['m.lora_B.weight']).toEqual({ dtype: 'F32', shape: [2, 1], data_offsets: [8, 16] })
  expect(deltaOf(trained, received, null).sha256).toBe(sha256)
  expect(deltaOf(tensors([3, 2], [0.5, 4.5]), received, null).sha256).not.toBe(sha256)
})

test('tensors that are not those of the adapter are refused by name', () => {
  const missing = new Map([...trained].slice(0, 1))
  expect(() => subtract(missing, received)).toThrow(
    'tensor "m.lora_B.weight" expected shape (2, 1), got none',
  )
  const turned = new Map([...trained]).set('m.lora_A.weight', {
    shape: [2, 1],
    data: new Float32Array([3, 2]),
  })
  expect(() => subtract(turned, received)).toThrow(
    'tensor "m.lora_A.weight" expected shape (1, 2), got (2, 1)',
  )
  const extra = new Map([...trained]).set('bias', { shape: [1], data: new Float32Array([4]) })
  expect(() => subtract(extra, received)).toThrow('trained has tensor "bias"')
})

test('a change that is not finite is refused by name', () => {
  expect(() => deltaOf(tensors([Number.NaN, 2], [3, 4]), received, null)).toThrow('tensor "m.lora_A.weight"')
})

function numbers(bytes: Uint8Array): number[] {
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return [...new Float32Array(Uint8Array.from(bytes.subarray(8 + headerBytes)).buffer)]
}
