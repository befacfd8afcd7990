import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { insertLora } from '../adapt/lora.js'
import { readAdapter } from '../adapter/adapter.js'
import { factorPairs } from '../adapter/factors.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { floatTensor, integerValues } from '../adapter/values.js'
import { ort } from '../runtime/ort.js'
import type { Feed } from '../runtime/runtime.js'
import { openModel } from '../source/model.js'
import type { Task } from '../source/task.js'
import { differentiate, gradientName } from './backward.js'
import { appendLoss } from './loss.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

const sources = {
  'Hugging Face folder': 'model',
  'torch.export file': 'onnx/model.onnx',
  'TorchScript file': 'torchscript/model.onnx',
}

/** |a - b| / |b| */
function relativeError(a: Feed, b: Feed): number {
  const norm = (numbers: Float64Array): number => Math.hypot(...numbers)
  return norm(Float64Array.from(b, (x, at) => (a[at] as number) - x)) / norm(Float64Array.from(b))
}

async function goldenCase(name: string) {
  const folder = join(golden, name)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
    loss: number
    task: Task
  }
  const batch = await readSafetensors(join(folder, 'batch.safetensors'))
  const gradients = await readSafetensors(join(folder, 'grads.safetensors'))
  return { folder, expected, batch, gradients, adapter: await readAdapter(join(folder, 'adapter')) }
}

describe.each(['gpt2', 'llama', 'llama-rslora', 'bert'])('the adapter of %s', (name) => {
  it.each(Object.entries(sources))(
    'has the loss and gradients of PyTorch and PEFT, from a %s',
    async (_, path) => {
      const { folder, expected, batch, gradients, adapter } = await goldenCase(name)
      const [rows, columns] = (batch.get('input_ids')?.shape ?? []) as [number, number]
      const { graph, modules } = (await openModel(join(folder, path))).forward({
        rows,
        columns,
        trainable: false,
      })
      const adapted = insertLora(graph, modules, factorPairs(adapter.config, adapter.tensors))
      const training = differentiate(appendLoss(adapted, expected.task), 'loss', [...adapter.tensors.keys()])
      const feeds = training.inputs.map(({ name: input, shape }): [string, Feed] => {
        const given = batch.get(input)
        const zeros = (): Int32Array => new Int32Array(shape.reduce((a, b) => a * b, 1))
        return [
          input,
          adapter.tensors.get(input)?.data ?? (given === undefined ? zeros() : integerValues(given)),
        ]
      })
      const session = await ort.open(training)
      const values = await session.run(new Map(feeds))
      await session.close()
      expect(Math.abs((values.get('loss')?.data[0] ?? Number.NaN) - expected.loss)).toBeLessThan(5e-6)
      expect(gradients.size).toBe(adapter.tensors.size)
      for (const [key, gradient] of gradients) {
        const found = values.get(gradientName(key))?.data as Feed
        expect(relativeError(found, floatTensor(gradient).data), key).toBeLessThan(2e-5)
      }
    },
  )
})
