import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import type { Adapter } from '../adapter/adapter.js'
import type { Side } from '../adapter/side.js'
import type { Tensor } from '../adapter/tensor.js'
import { splitAdapter } from '../aggregate/side-adapter.js'
import { ort } from '../runtime/ort.js'
import { createService } from '../runtime/service.js'
import { readBatch } from './batch-file.js'
import { buildTrainingGraph } from './graph.js'
import { createRandom } from './random.js'
import type { TrainResult } from './trainer.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py
const STEPS = 3
const LEADING = 2

/** An adapter with an effect: every value of it is drawn. */
async function drawn(model: string, targets: 'all-linear' | readonly string[]): Promise<Adapter> {
  const { config, tensors } = await createAdapter(
    model,
    { method: 'lora', rank: 5, alpha: 9, rslora: true, targets },
    3,
  )
  const random = createRandom(8, 'side')
  const values = [...tensors].map(([name, { shape, data }]): [string, Tensor] => [
    name,
    { shape, data: data.map(() => 0.2 * (2 * random.uniform() - 1)) },
  ])
  return { config, tensors: new Map(values) }
}

/** Plain gradient descent, so that what a step does to the factors is their gradient. */
async function trained(
  model: string,
  name: string,
  adapter: Adapter,
  side: Side | null,
): Promise<TrainResult> {
  const batch = await readBatch(join(golden, name, 'batch.safetensors'))
  const { rows, columns } = batch
  const service = createService(buildTrainingGraph, ort, { threads: 1 })
  const beside = side === null ? {} : { side: side.ranks }
  await service.open({ model, config: adapter.config, rows, columns, trainable: 'adapter', ...beside })
  return await service.train(
    {
      tensors: adapter.tensors,
      batches: [batch],
      optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 1 },
      schedule: { kind: 'constant', warmupSteps: 0, totalSteps: STEPS, firstStep: 0 },
      accumulate: 1,
      ...(side === null ? {} : { side: side.tensors }),
    },
    () => {},
  )
}

describe.each([
  ['llama', 'model', 'all-linear'],
  ['llama', 'torchscript/model.onnx', 'all-linear'],
  ['gpt2', 'model', 'all-linear'],
  ['gpt2', 'torchscript/model.onnx', 'all-linear'],
  ['bert', 'model', 'all-linear'],
  ['llama', 'model', ['embed_tokens', 'v_proj']],
] as const)('%s, %s, %s', (name, file, targets) => {
  test('beside a frozen side the loss is that of the whole adapter, and gradients are those of its leading rank', async () => {
    const model = join(golden, name, file)
    const whole = await drawn(model, targets)
    const split = splitAdapter(whole, LEADING)
    const [all, part] = [
      await trained(model, name, whole, null),
      await trained(model, name, split.trained, split.side),
    ]
    expect(part.losses[0]).toBeCloseTo(all.losses[0] as number, 5)
    const expected = splitAdapter({ ...whole, tensors: all.tensors }, LEADING).trained.tensors
    for (const [key, { data }] of part.tensors) {
      const start = split.trained.tensors.get(key)!.data
      const gradient = expected.get(key)!.data.map((value, at) => value - start[at]!)
      const own = data.map((value, at) => value - start[at]!)
      const off = Math.hypot(...own.map((value, at) => value - gradient[at]!)) / Math.hypot(...gradient)
      expect(off, key).toBeLessThan(2e-4)
    }
    const alone = await trained(model, name, split.trained, null)
    expect(Math.abs((alone.losses[0] as number) - (part.losses[0] as number))).toBeGreaterThan(1e-3)
  })
})

test('a side that is missing, of another rank, or asked of another method is refused with its name', async () => {
  const model = join(golden, 'llama', 'model')
  const { trained: adapter, side } = splitAdapter(await drawn(model, ['v_proj']), LEADING)
  await expect(trained(model, 'llama', adapter, { ...side!, tensors: new Map() })).rejects.toThrow(
    'it is missing',
  )
  const narrow = { ...side!, ranks: Object.fromEntries(Object.keys(side!.ranks).map((path) => [path, 2])) }
  await expect(trained(model, 'llama', adapter, narrow)).rejects.toThrow(/expected shape \(2, /)
  await expect(trained(model, 'llama', adapter, { ...side!, ranks: { 'model.norm': 1 } })).rejects.toThrow(
    'expected a module that is adapted, got "model.norm"',
  )
})
