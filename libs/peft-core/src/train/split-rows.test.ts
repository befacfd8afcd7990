import { expect, test } from 'vitest'
import type { Batch } from './batch.js'
import { splitRows } from './split-rows.js'

const batch: Batch = {
  rows: 5,
  columns: 2,
  inputIds: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
  attentionMask: Int32Array.of(1, 1, 1, 0, 1, 1, 1, 0, 1, 1),
  labels: Int32Array.of(4, 0, 2, 3, 1),
}

async function collected(parts: number): Promise<readonly Batch[]> {
  const all: Batch[] = []
  for await (const part of splitRows([batch, batch], parts)) all.push(part)
  return all
}

test('the parts of a batch hold its rows, in order', async () => {
  const parts = await collected(2)
  expect(parts.map(({ rows }) => rows)).toEqual([2, 3, 2, 3])
  expect(parts[1]).toEqual({
    rows: 3,
    columns: 2,
    inputIds: Int32Array.of(5, 6, 7, 8, 9, 10),
    attentionMask: Int32Array.of(1, 1, 1, 0, 1, 1),
    labels: Int32Array.of(2, 3, 1),
  })
  expect((await collected(4)).map(({ rows }) => rows)).toEqual([1, 1, 1, 2, 1, 1, 1, 2])
})

test('a row cannot be divided', async () => {
  await expect(collected(6)).rejects.toThrow('expected at most 5 parts')
})
