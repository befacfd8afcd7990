import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SIDE_PREFIX } from '../adapt/lora.js'
import { type Adapter, readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import type { Side } from '../adapter/side.js'
import { floatTensor } from '../adapter/values.js'
import { splitAdapter } from '../aggregate/side-adapter.js'
import { gradientName } from '../differentiate/backward.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { createService } from '../runtime/service.js'
import { batchSize } from './batch.js'
import { readBatch } from './batch-file.js'
import { buildTrainingGraph } from './graph.js'
import type { TrainResult } from './trainer.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py
const LEADING = 2
const forms = ['model', 'torchscript/model.onnx', 'onnx/model.onnx']
const cases = ['llama', 'llama-rslora', 'gpt2', 'gpt2-embedding', 'bert', 'vit'].flatMap((name) =>
  forms.filter((form) => existsSync(join(golden, name, form))).map((form) => [name, form] as const),
)

const lossOf = (name: string): number =>
  JSON.parse(readFileSync(join(golden, name, 'expected.json'), 'utf8')).loss

test.each(cases)(
  'the leading rank of the adapter of %s beside the rest, frozen, has the loss and gradients of PyTorch and PEFT, from %s',
  async (name, form) => {
    const folder = join(golden, name)
    const whole = await readAdapter(join(folder, 'adapter'))
    const { trained, side } = splitAdapter(whole, LEADING)
    const wanted = await readSafetensors(join(folder, 'grads.safetensors'))
    const gradients = new Map([...wanted].map(([key, raw]) => [key, floatTensor(raw)]))
    const leading = splitAdapter({ ...whole, tensors: gradients }, LEADING).trained.tensors
    const batch = await readBatch(join(folder, 'batch.safetensors'))
    const request = { model: join(folder, form), config: trained.config, ...batchSize(batch) }
    const built = await buildTrainingGraph({
      ...{ ...request, side: side!.ranks, trainable: 'adapter', purpose: 'train' },
    })
    const session = await ort.open(built.graph)
    const frozen = [...side!.tensors].map(([key, tensor]) => [`${SIDE_PREFIX}${key}`, tensor] as const)
    const values = await session.run(batchFeeds(built.graph, new Map([...trained.tensors, ...frozen]), batch))
    await session.close()
    expect(Math.abs((values.get('loss')?.data[0] ?? Number.NaN) - lossOf(name))).toBeLessThan(5e-6)
    expect(built.graph.outputs).toHaveLength(leading.size + 2) // the loss, and how many predictions it is of
    for (const [key, { data }] of leading) {
      const found = values.get(gradientName(key))!.data
      const off = Math.hypot(...data.map((value, at) => value - (found[at] as number))) / Math.hypot(...data)
      expect(off, key).toBeLessThan(2e-5)
    }
  },
)

describe('a training job beside a side', async () => {
  const model = join(golden, 'llama', 'model')
  const whole = await readAdapter(join(golden, 'llama', 'adapter'))
  const batch = await readBatch(join(golden, 'llama', 'batch.safetensors'))
  const split = splitAdapter(whole, LEADING)

  async function trained({ config, tensors }: Adapter, side: Side | null): Promise<TrainResult> {
    const { rows, columns } = batch
    const service = createService(buildTrainingGraph, ort, { threads: 1 })
    const beside = side === null ? {} : { side: side.ranks }
    await service.open({ model, config, rows, columns, trainable: 'adapter', ...beside })
    return await service.train(
      {
        ...{ tensors, batches: [batch, batch, batch], accumulate: 1 },
        optimizer: { kind: 'sgd', weightDecay: 0, learningRate: 0.5 },
        schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 3, firstStep: 0 },
        ...(side === null ? {} : { side: side.tensors }),
      },
      () => {},
    )
  }

  test('starts from the loss of the whole adapter, and lowers it by the leading rank alone', async () => {
    const { losses, tensors } = await trained(split.trained, split.side)
    expect(losses[0]).toBeCloseTo(lossOf('llama'), 5)
    expect(losses[1]).toBeLessThan(losses[0]! - 1e-3)
    expect(losses[2]).toBeLessThan(losses[1]!)
    expect([...tensors].map(([, { shape }]) => shape)).toEqual(
      [...split.trained.tensors].map(([, { shape }]) => shape),
    )
    const alone = await trained(split.trained, null)
    expect(Math.abs(alone.losses[0]! - losses[0]!)).toBeGreaterThan(1e-3)
  })

  test('is refused by name when the side is missing, of another rank, or of no module', async () => {
    const side = split.side!
    await expect(trained(split.trained, { ...side, tensors: new Map() })).rejects.toThrow('it is missing')
    const narrow = Object.fromEntries(Object.keys(side.ranks).map((path) => [path, 1]))
    await expect(trained(split.trained, { ...side, ranks: narrow })).rejects.toThrow(/expected shape \(1, /)
    await expect(trained(split.trained, { ...side, ranks: { 'model.norm': 1 } })).rejects.toThrow(
      'expected a module that is adapted, got "model.norm"',
    )
  })
})
