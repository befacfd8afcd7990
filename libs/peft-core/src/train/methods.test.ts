import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import type { PeftConfig, PeftSpec } from '../adapter/peft-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { readBatch } from './batch-file.js'
import { buildTrainingGraph } from './graph.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

async function lossOf(
  name: string,
  file: string,
  adapter: { config: PeftConfig; tensors: TensorMap },
): Promise<number> {
  const batch = await readBatch(join(golden, name, 'batch.safetensors'))
  const { rows, columns } = batch
  const request = {
    model: join(golden, name, file),
    config: adapter.config,
    rows,
    columns,
    trainable: 'adapter',
  } as const
  const { graph } = await buildTrainingGraph({ ...request, purpose: 'evaluate' })
  const session = await ort.open(graph)
  const values = await session.run(batchFeeds(graph, adapter.tensors, batch))
  await session.close()
  return values.get('loss')?.data[0] ?? Number.NaN
}

const low = { rank: 3, alpha: 5, targets: 'all-linear', rslora: false } as const
const methods: readonly (readonly [string, PeftSpec])[] = [
  ['lora', { method: 'lora', ...low }],
  ['dora', { method: 'dora', ...low }],
  ['ia3', { method: 'ia3', targets: 'all-linear' }],
  ['bottleneck', { method: 'bottleneck', size: 4, nonLinearity: 'gelu', targets: 'all-linear' }],
]

describe.each(['llama', 'gpt2', 'bert'])('%s', (name) => {
  test.each(methods)('with a fresh adapter of %s is what it was', async (_, spec) => {
    const none = await createAdapter(join(golden, name, 'model'), { method: 'lora', ...low }, 1)
    const base = await lossOf(name, 'model', none)
    for (const file of ['model', 'torchscript/model.onnx']) {
      const adapter = await createAdapter(join(golden, name, file), spec, 3)
      expect(Math.abs((await lossOf(name, file, adapter)) - base)).toBeLessThan(2e-6)
    }
  })
})
