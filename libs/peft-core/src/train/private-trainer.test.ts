import { expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import type { TokenBatch } from './batch.js'
import type { ClippingModel } from './clipping.js'
import { type PrivateTrainJob, trainPrivately } from './private-trainer.js'

const tensors: TensorMap = new Map([
  ['a', { shape: [2], data: Float32Array.of(1, 2) }],
  ['b', { shape: [1], data: Float32Array.of(-3) }],
])
const batchOf = (value: number): TokenBatch => ({
  ...{ rows: 1, columns: 1, inputIds: Int32Array.of(value), attentionMask: Int32Array.of(1) },
  labels: Int32Array.of(value),
})
/** The clipped sum of a batch is its token, in every place. */
const model: ClippingModel = {
  async clippedSums(parameters, { rows, labels }) {
    const sums = [...parameters].map(
      ([name, { data }]) => [name, data.map(() => labels[0] as number)] as const,
    )
    return { sums: new Map(sums), norms: new Float32Array(rows) }
  },
}
const job: PrivateTrainJob = {
  ...{ tensors, clip: 0.5, expectedExamples: 4, noiseMultiplier: 3, frozen: ['b'] },
  steps: [[batchOf(2), batchOf(6)], [], [batchOf(-4)]],
  addNoise: (sums, stdDev) => {
    for (const at of sums.keys()) sums[at] = (sums[at] as number) + stdDev * (at + 1)
  },
  optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.1 },
  schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 3, firstStep: 0 },
}

test('micro-batches add up, noise comes once a step, also without examples, and the divisor is the expected number', async () => {
  const told: unknown[] = []
  const result = await trainPrivately(model, job, (step) => told.push(step))
  // sums: 8, 0, -4; noise of deviation 1.5: 1.5 and 3; divided by 4, times 0.1
  const [first, second] = [1 - (0.1 * (8 + 0 - 4 + 3 * 1.5)) / 4, 2 - (0.1 * (8 + 0 - 4 + 3 * 3)) / 4]
  expect([...(result.tensors.get('a')?.data ?? [])]).toEqual(
    [Math.fround(first), Math.fround(second)].map((x) => expect.closeTo(x, 6)),
  )
  expect(result.tensors.get('b')?.data).toEqual(Float32Array.of(-3))
  expect(result.steps).toBe(3)
  expect(told).toEqual([0, 1, 2].map((step) => ({ step, learningRate: 0.1 }))) // no loss, no norm
  expect(tensors.get('a')?.data).toEqual(Float32Array.of(1, 2))
})

test('without noise, without a bound, and with sums that are not finite there is no training', async () => {
  for (const wrong of [
    { noiseMultiplier: 0 },
    { clip: Number.POSITIVE_INFINITY },
    { expectedExamples: Number.NaN },
  ])
    await expect(trainPrivately(model, { ...job, ...wrong })).rejects.toThrow(
      /expected a finite number above 0/,
    )
  const broken: ClippingModel = {
    async clippedSums(parameters, batch, options) {
      const { sums, norms } = await model.clippedSums(parameters, batch, options)
      return { sums: new Map([...sums].map(([name, data]) => [name, data.fill(Number.NaN)])), norms }
    },
  }
  await expect(trainPrivately(broken, job)).rejects.toThrow(/diverged at step 1: the gradients of "a"/)
})
