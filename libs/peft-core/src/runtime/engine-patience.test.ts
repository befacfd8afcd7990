import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createLoraConfig } from '../adapter/lora-config.js'
import type { Batch } from '../train/batch.js'
import { startEngine } from './engine.js'

const host = new URL('engine-host.fixture.mjs', import.meta.url)
const silenceMs = 8000
const batch: Batch = {
  ...{ rows: 4, columns: 3, inputIds: new Int32Array(12), attentionMask: new Int32Array(12).fill(1) },
  labels: Int32Array.of(0, 6, 12, 5),
}

test('an engine that waits for the next batch is not silent', async () => {
  await using engine = await startEngine({ threads: 2, host, silenceMs })
  const config = createLoraConfig({
    ...{ method: 'lora', rank: 8, alpha: 16, targets: 'all-linear', rslora: false },
  })
  await engine.open({ model: 'slow', config, rows: 4, columns: 3, trainable: 'adapter' })
  const job = {
    tensors: new Map([['p', { shape: [1], data: Float32Array.of(3) }]]),
    optimizer: { learningRate: 0.05, weightDecay: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
    schedule: { kind: 'linear', warmupSteps: 1, totalSteps: 8, firstStep: 0 },
    accumulate: 1,
  } as const
  async function* withPause() {
    yield batch
    yield batch
    await wait(1.4 * silenceMs)
    yield batch
  }
  const { losses } = await engine.train({ ...job, batches: withPause() })
  expect(losses).toHaveLength(3)
})
