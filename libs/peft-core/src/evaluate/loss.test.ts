import { expect, test } from 'vitest'
import { evaluateLoss, natsPerToken } from './loss.js'

const batch = (labels: readonly number[]) => ({
  rows: 1,
  columns: labels.length,
  inputIds: new Int32Array(labels.length),
  attentionMask: new Int32Array(labels.length),
  labels: Int32Array.from(labels),
})

test('a batch weighs as much as it has counted tokens', async () => {
  const batches = [batch([1, 2, 3, 4]), batch([5, -100, 6, -100]), batch([7, -100, -100, -100])]
  const means = new Map([
    [1, 2.5],
    [5, 4.5],
    [7, Number.NaN], // a causal model predicts nothing here
  ])
  const total = await evaluateLoss(batches, {
    task: 'causal',
    meanLoss: async ({ labels }) => means.get(labels[0] as number) as number,
  })
  expect(total).toEqual({ lossSum: 3 * 2.5 + 4.5, tokens: 4 })
  expect(natsPerToken(total)).toBe(3)
})

test('a mean over no token is refused', () => {
  expect(() => natsPerToken({ lossSum: 0, tokens: 0 })).toThrow('no token counted')
})
