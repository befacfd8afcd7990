import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { floatTensor } from '../adapter/values.js'
import { gradientName } from '../differentiate/backward.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import { batchSize } from './batch.js'
import { readBatch } from './batch-file.js'
import { buildTrainingGraph } from './graph.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

const forms = {
  model: 'Hugging Face folder',
  'onnx/model.onnx': 'torch.export file',
  'torchscript/model.onnx': 'TorchScript file',
}

const cases = readdirSync(golden).filter((name) => existsSync(join(golden, name, 'expected.json')))

/** |a - b| / |b| */
function relativeError(a: Feed, b: Feed): number {
  const norm = (numbers: Float64Array): number => Math.hypot(...numbers)
  return norm(Float64Array.from(b, (x, at) => (a[at] as number) - x)) / norm(Float64Array.from(b))
}

describe.each(cases)('the adapter of %s', (name) => {
  const folder = join(golden, name)
  const present = Object.entries(forms).filter(([path]) => existsSync(join(folder, path)))

  it.each(present)('has the loss and gradients of PyTorch and PEFT, from %s (a %s)', async (path) => {
    const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { loss: number }
    const wanted = await readSafetensors(join(folder, 'grads.safetensors'))
    const batch = await readBatch(join(folder, 'batch.safetensors'))
    const { config, tensors } = await readAdapter(join(folder, 'adapter'))
    const model = join(folder, path)
    const size = batchSize(batch)
    const request = { model, config, ...size, trainable: 'adapter', purpose: 'train' } as const
    const { graph } = await buildTrainingGraph(request)
    const session = await ort.open(graph)
    const values = await session.run(batchFeeds(graph, tensors, batch))
    await session.close()
    expect(Math.abs((values.get('loss')?.data[0] ?? Number.NaN) - expected.loss)).toBeLessThan(5e-6)
    expect([...wanted.keys()].sort()).toEqual([...tensors.keys()].sort())
    for (const [key, gradient] of wanted) {
      const found = values.get(gradientName(key))?.data as Feed
      expect(relativeError(found, floatTensor(gradient).data), key).toBeLessThan(2e-5)
    }
  })
})
