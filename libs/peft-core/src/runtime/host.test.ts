import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import type { RawTensor } from '../adapter/tensor.js'
import { floatTensor, integerValues } from '../adapter/values.js'
import type { TokenBatch } from '../train/batch.js'
import { startEngine } from './engine.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

async function goldenCase(name: string) {
  const folder = join(golden, name)
  const tensors = await readSafetensors(join(folder, 'batch.safetensors'))
  const of = (key: string): RawTensor => tensors.get(key) as RawTensor
  const [rows, columns] = of('input_ids').shape as [number, number]
  const [inputIds, attentionMask, labels] = ['input_ids', 'attention_mask', 'labels'].map((key) =>
    integerValues(of(key)),
  )
  const batch = { rows, columns, inputIds, attentionMask, labels } as TokenBatch
  const gradients = await readSafetensors(join(folder, 'grads.safetensors'))
  const { loss } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { loss: number }
  return {
    model: join(folder, 'model'),
    adapter: await readAdapter(join(folder, 'adapter')),
    batch,
    gradients,
    loss,
  }
}

/** |a - b| / |b| over all elements. */
function relativeError(actual: Float32Array | undefined, expected: Float32Array): number {
  const distance = Math.hypot(...expected.map((value, index) => value - (actual?.[index] ?? Number.NaN)))
  return distance / Math.hypot(...expected)
}

test.each(['gpt2', 'llama', 'llama-rslora', 'bert'])(
  'the engine gives the loss and the gradients that PyTorch and PEFT give for %s',
  async (name) => {
    const { model, adapter, batch, gradients, loss } = await goldenCase(name)
    await using engine = await startEngine({ threads: 2 })
    const { rows, columns } = batch
    await engine.open({ model, config: adapter.config, rows, columns, trainable: 'adapter' })
    const result = await engine.gradients(adapter.tensors, batch)
    expect(result.loss).toBeCloseTo(loss, 5)
    expect([...result.gradients.keys()].sort()).toEqual([...gradients.keys()].sort())
    for (const [key, expected] of gradients) {
      expect(relativeError(result.gradients.get(key)?.data, floatTensor(expected).data)).toBeLessThan(2e-5)
    }
    const { lossSum, tokens } = await engine.evaluate(adapter.tensors, [batch])
    expect(lossSum / tokens).toBeCloseTo(loss, 5)
  },
)
