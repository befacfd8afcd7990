import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import type { TrainJob } from '../train/trainer.js'
import { ort } from './ort.js'
import { createService } from './service.js'

const golden = fileURLToPath(new URL('../../golden/llama', import.meta.url)) // made by golden/make_golden.py

async function opened(dropout: number) {
  const batch = await readBatch(join(golden, 'batch.safetensors'))
  const adapter = await readAdapter(join(golden, 'adapter'))
  const config: LoraConfig = { ...(adapter.config as LoraConfig), dropout }
  const service = createService(buildTrainingGraph, ort, {})
  const { rows, columns } = batch
  await service.open({ model: join(golden, 'model'), config, rows, columns, trainable: 'adapter' })
  const job = (steps: number, more: Partial<TrainJob> = {}): TrainJob => ({
    tensors: adapter.tensors,
    batches: Array.from({ length: 2 * steps }, () => batch),
    optimizer: { learningRate: 1e-2, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 4, firstStep: 0 },
    accumulate: 2,
    keepState: true,
    dropoutSeed: 3,
    ...more,
  })
  const train = (wanted: TrainJob) => service.train(wanted, () => {})
  return { batch, adapter, service, job, train }
}

const bytes = (tensors: TensorMap): readonly (readonly [string, Float32Array])[] =>
  [...tensors].map(([name, { data }]) => [name, data] as const)

test('training with dropout that is continued gives the bytes of training without a stop', async () => {
  const { job, train } = await opened(0.4)
  const whole = await train(job(4))
  const half = await train(job(2))
  const rest = await train(
    job(2, { tensors: half.tensors, ...(half.optimizer === undefined ? {} : { state: half.optimizer }) }),
  )
  expect(bytes(rest.tensors)).toEqual(bytes(whole.tensors))
  expect(bytes(half.tensors)).not.toEqual(bytes(whole.tensors))
  const other = await train(job(4, { dropoutSeed: 4 }))
  expect(bytes(other.tensors)).not.toEqual(bytes(whole.tensors))
})

test('dropout changes training steps only, around the loss without it', async () => {
  const [plain, dropped] = [await opened(0), await opened(0.3)]
  const { batch, adapter } = dropped
  const wanted = await plain.service.gradients(adapter.tensors, batch)
  expect(await dropped.service.gradients(adapter.tensors, batch)).toEqual(wanted)
  const evaluated = await dropped.service.evaluate(adapter.tensors, [batch])
  expect(evaluated.lossSum / evaluated.tokens).toBeCloseTo(wanted.loss, 5)
  const still = { learningRate: 1e-12, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
  const { losses } = await dropped.train(dropped.job(12, { optimizer: still }))
  expect(new Set(losses).size).toBe(12) // another mask each step
  const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
  expect(Math.abs(mean - wanted.loss)).toBeLessThan(0.15)
})
