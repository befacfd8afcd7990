import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Adapter, readAdapter } from '../adapter/adapter.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import { factorsByModule, plainAdapter } from '../adapter/plain-lora.js'
import type { Starts } from '../adapter/start-factors.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { batchSize } from '../train/batch.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createRandom } from '../train/random.js'
import { createAdapter } from './start.js'
import { weightStarts } from './weight-start.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url))
const model = join(golden, 'llama', 'model')

/** The loss of the batch of a golden case. */
async function lossOf(name: string, { config, tensors }: Adapter, starts?: Starts): Promise<number> {
  const batch = await readBatch(join(golden, name, 'batch.safetensors'))
  const base = { model: join(golden, name, 'model'), config, starts, ...batchSize(batch) }
  const { graph } = await buildTrainingGraph({ ...base, trainable: 'adapter', purpose: 'evaluate' })
  const session = await ort.open(graph)
  const values = await session.run(batchFeeds(graph, tensors, batch))
  await session.close()
  return values.get('loss')?.data[0] as number
}

/** The adapter after steps that moved every number a little. */
function moved(adapter: Adapter): Adapter {
  const tensors = [...adapter.tensors].map(([key, { shape, data }]) => {
    const random = createRandom(7, key)
    return [key, { shape, data: data.map((value) => value + 0.1 * (random.uniform() - 0.4)) }] as const
  })
  return { ...adapter, tensors: new Map(tensors) }
}

const spec = { method: 'lora', rank: 4, alpha: 10, targets: 'all-linear' } as const
const patterns = { rankPattern: { q_proj: 6, up_proj: 3 }, alphaPattern: { v_proj: 3.5, up_proj: 20 } }

describe.each(['pissa', 'olora'] as const)('a start of %s', (start) => {
  test.each([true, false])(
    'as plain factors of twice the rank has the same loss (rslora %s)',
    async (rslora) => {
      const fresh = await createAdapter(model, { ...spec, ...patterns, rslora, start }, 5)
      const starts = await weightStarts(model, fresh.config)
      expect(starts).toEqual(factorsByModule(fresh))

      const trained = moved(fresh)
      const plain = plainAdapter(trained, starts)
      expect(plain.config).toMatchObject({
        start: null,
        rank: 8,
        rankPattern: { q_proj: 12, up_proj: 6 },
      } satisfies Partial<LoraConfig>)
      const [begun, wanted, found] = [
        await lossOf('llama', fresh, starts),
        await lossOf('llama', trained),
        await lossOf('llama', plain),
      ]
      expect(Math.abs(wanted - begun)).toBeGreaterThan(1e-2) // the steps changed something
      expect(Math.abs(found - wanted)).toBeLessThan(1e-5)
    },
  )

  test('that PEFT stored has, as plain factors, the loss of PyTorch and PEFT', async () => {
    const folder = join(golden, `llama-${start}`)
    const adapter = await readAdapter(join(folder, 'adapter'))
    const starts = await weightStarts(join(folder, 'model'), adapter.config)
    const found = await lossOf(`llama-${start}`, plainAdapter(adapter, starts))
    const { loss } = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as { loss: number }
    expect(Math.abs(found - loss)).toBeLessThan(1e-5)
  })
})

test('an adapter that did not start from the weights stays as it is, and a start that is missing is refused', async () => {
  const adapter = await readAdapter(join(golden, 'llama', 'adapter'))
  expect(await weightStarts(model, adapter.config)).toBeUndefined()
  expect(plainAdapter(adapter, undefined)).toBe(adapter)
  const started = await readAdapter(join(golden, 'llama-olora', 'adapter'))
  expect(() => plainAdapter(started, new Map())).toThrow('expected the factors that "model.layers.0')
})
