import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import type { RawTensor } from '../adapter/tensor.js'
import { batchSize } from './batch.js'
import { readBatch } from './batch-file.js'

let file: string
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'lorica-batch-')), 'batch.safetensors')
})
afterEach(() => rm(join(file, '..'), { recursive: true, force: true }))

const integers = (shape: readonly number[], values: readonly number[]): RawTensor => ({
  element: 'int64',
  shape,
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
})
const floats = (shape: readonly number[], values: readonly number[]): RawTensor => ({
  element: 'float32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
})

async function batchOf(tensors: Readonly<Record<string, RawTensor>>) {
  await writeFile(file, encodeSafetensors(new Map(Object.entries(tensors))))
  return await readBatch(file)
}

const ids = integers([2, 3], [7, 8, 9, 4, 5, 0])

test('tokens without a mask are all attended to', async () => {
  const batch = await batchOf({ input_ids: ids, labels: integers([2], [4, 1]) })
  expect(batch).toEqual({
    rows: 2,
    columns: 3,
    inputIds: Int32Array.of(7, 8, 9, 4, 5, 0),
    attentionMask: Int32Array.of(1, 1, 1, 1, 1, 1),
    labels: Int32Array.of(4, 1),
  })
  expect(batchSize(batch)).toEqual({ rows: 2, columns: 3 })
})

test('images keep their channels, height and width', async () => {
  const pixels = floats([2, 1, 1, 3], [0.5, -1.25, 2, 3, -0.75, 0.125])
  const batch = await batchOf({ pixel_values: pixels, labels: integers([2], [4, -100]) })
  const image = { channels: 1, height: 1, width: 3 }
  expect(batch).toEqual({
    rows: 2,
    columns: 0,
    image,
    pixelValues: Float32Array.of(0.5, -1.25, 2, 3, -0.75, 0.125),
    labels: Int32Array.of(4, -100),
  })
  expect(batchSize(batch)).toEqual({ rows: 2, columns: 0, image })
})

test('a batch that is neither tokens nor images is refused with what it has', async () => {
  await expect(batchOf({ ids, labels: ids })).rejects.toThrow('expected tensors input_ids or pixel_values')
  await expect(batchOf({ input_ids: ids, pixel_values: ids, labels: ids })).rejects.toThrow('input_ids or')
  await expect(batchOf({ input_ids: ids })).rejects.toThrow('and labels, got input_ids')
})

test('labels of another shape are refused', async () => {
  const pixels = floats([1, 1, 1, 2], [0.5, 2])
  await expect(batchOf({ pixel_values: pixels, labels: ids })).rejects.toThrow(
    'labels expected (1), got (2, 3)',
  )
  await expect(batchOf({ pixel_values: ids, labels: ids })).rejects.toThrow('(rows, channels, height, width)')
  await expect(batchOf({ input_ids: ids, labels: integers([3], [1, 2, 3]) })).rejects.toThrow(
    'labels expected (2, 3) or (2), got (3)',
  )
})
