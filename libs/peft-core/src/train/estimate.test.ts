import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { inspectModel } from './inspect.js'

const llama = fileURLToPath(new URL('../../golden/llama/model', import.meta.url)) // made by golden/make_golden.py

test('the estimate of a step follows the batch', async () => {
  const [small, large] = await Promise.all([
    inspectModel(llama, { rows: 2, columns: 8, rank: 3 }),
    inspectModel(llama, { rows: 6, columns: 8, rank: 3 }),
  ])
  // per layer: q and o 48 -> 48, k and v 48 -> 24, gate and up 48 -> 112, down 112 -> 48
  const trainable = 2 * 3 * (2 * 96 + 2 * 72 + 3 * 160)
  expect(small.estimate).toMatchObject({ rows: 2, columns: 8, trainable, optimizerBytes: 16 * trainable })
  expect(small.estimate?.weightBytes).toBeGreaterThanOrEqual(4 * 77_040)
  const [before, after] = [small.estimate?.flops ?? 0, large.estimate?.flops ?? 0]
  // forward of the frozen layers alone: two operations for each of their 77,040 - 320 * 48 - 5 * 48 weights and tokens
  expect(before).toBeGreaterThan(2 * 61_440 * 16)
  expect(after).toBe(3 * before)
  const ratio = (large.estimate?.activationBytes ?? 0) / (small.estimate?.activationBytes ?? 1)
  expect(ratio).toBeGreaterThan(2.5)
  expect(ratio).toBeLessThan(3.1)
})

test('the batch of an estimate is no longer than the model holds', async () => {
  const { estimate } = await inspectModel(llama)
  expect(estimate).toMatchObject({ rows: 8, columns: 64 })
})
