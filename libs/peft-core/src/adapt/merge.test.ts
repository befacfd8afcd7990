import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Adapter, readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { floatTensor } from '../adapter/values.js'
import { batchFeeds } from '../runtime/feeds.js'
import { ort } from '../runtime/ort.js'
import { batchSize } from '../train/batch.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createRandom } from '../train/random.js'
import { mergeAdapter } from './merge.js'
import { createAdapter } from './start.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py
const fresh = { method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false } as const

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-merge-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function mergedLossOf(file: string): number | null {
  return (JSON.parse(readFileSync(file, 'utf8')) as { mergedLoss: number | null }).mergedLoss
}

async function lossOf(model: string, adapter: Adapter, name: string): Promise<number> {
  const batch = await readBatch(join(golden, name, 'batch.safetensors'))
  const request = {
    model,
    config: adapter.config,
    ...batchSize(batch),
    trainable: 'adapter',
    purpose: 'evaluate',
  } as const
  const { graph } = await buildTrainingGraph(request)
  const session = await ort.open(graph)
  const values = await session.run(batchFeeds(graph, adapter.tensors, batch))
  await session.close()
  return values.get('loss')?.data[0] as number
}

const forms = ['model', 'onnx/model.onnx', 'torchscript/model.onnx']

/** Cases whose adapter changes a weight that another module reads, too. */
const refused = {
  'gpt2-embedding': /"transformer.wte" shares its weight/,
  'gpt2-saved': /"lm_head" shares its weight/,
}

/** A merge rounds to the element of the base; PEFT's number for these is of a merge in float32. */
const isHalf = (name: string): boolean =>
  /float16/.test(readFileSync(join(golden, name, 'model', 'config.json'), 'utf8'))

const cases = readdirSync(golden).filter((name) => {
  const expected = join(golden, name, 'expected.json')
  const isMerged = existsSync(expected) && typeof mergedLossOf(expected) === 'number'
  return isMerged && !Object.hasOwn(refused, name) && !isHalf(name)
})

describe.each(cases)('%s', (name) => {
  it.each(forms)('merged from %s has the loss that PEFT computes after its own merge', async (form) => {
    const adapter = await readAdapter(join(golden, name, 'adapter'))
    const base = join(golden, name, form)
    if (!existsSync(base)) return
    const { model, modules } = await mergeAdapter({ model: base, adapter, out: join(folder, 'merged') })
    expect(modules.length).toBeGreaterThan(1)
    const expected = mergedLossOf(join(golden, name, 'expected.json')) as number
    const loss = await lossOf(model, await createAdapter(model, fresh, 1), name)
    expect(Math.abs(loss - expected)).toBeLessThan(5e-6)
  })
})

describe('a merge', () => {
  it.each(Object.entries(refused))(
    'of %s is refused by name, and nothing is written',
    async (name, message) => {
      const adapter = await readAdapter(join(golden, name, 'adapter'))
      const job = { model: join(golden, name, 'model'), adapter, out: join(folder, 'merged') }
      await expect(mergeAdapter(job)).rejects.toThrow(message)
      expect(existsSync(job.out)).toBe(false)
    },
  )

  it('of a table, a whole module and patterns of ranks has the loss of the adapter beside the base', async () => {
    const spec = {
      ...fresh,
      rank: 3,
      targets: ['embed_tokens', 'down_proj'],
      rankPattern: { down_proj: 5 },
      modulesToSave: ['lm_head', 'input_layernorm'],
    }
    const base = join(golden, 'llama', 'model')
    const begun = await createAdapter(base, spec, 3)
    const tensors = [...begun.tensors].map(([key, { shape, data }]) => {
      const random = createRandom(11, key)
      return [key, { shape, data: data.map((value) => value + 0.2 * (random.uniform() - 0.4)) }] as const
    })
    const adapter = { ...begun, tensors: new Map(tensors) }
    const { model, modules } = await mergeAdapter({ model: base, adapter, out: join(folder, 'merged') })
    expect(modules).toEqual([
      'model.layers.0.mlp.down_proj',
      'model.layers.1.mlp.down_proj',
      'model.embed_tokens',
      'model.layers.0.input_layernorm',
      'model.layers.1.input_layernorm',
      'lm_head',
    ])
    const [beside, before] = [await lossOf(base, adapter, 'llama'), await lossOf(base, begun, 'llama')]
    const merged = await lossOf(model, await createAdapter(model, fresh, 1), 'llama')
    expect(Math.abs(merged - beside)).toBeLessThan(5e-6)
    expect(Math.abs(beside - before)).toBeGreaterThan(0.05)
  })

  it('of a bias is refused where the layer has none', async () => {
    const base = join(golden, 'llama', 'model')
    const adapter = await createAdapter(base, { ...fresh, targets: ['q_proj'], loraBias: true }, 3)
    const out = join(folder, 'merged')
    await expect(mergeAdapter({ model: base, adapter, out })).rejects.toThrow(
      /"model.layers.0.self_attn.q_proj" has no bias/,
    )
  })

  it('leaves what it does not change as it was, byte for byte', async () => {
    const adapter = await readAdapter(join(golden, 'llama-rslora', 'adapter')) // on q_proj and v_proj
    const base = join(golden, 'llama-rslora', 'model')
    await mergeAdapter({ model: base, adapter, out: join(folder, 'merged') })
    const [before, after] = await Promise.all(
      [base, join(folder, 'merged')].map((of) => readSafetensors(join(of, 'model.safetensors'))),
    )
    const changed = [...(before ?? [])].filter(
      ([key, tensor]) => !Buffer.from(tensor.bytes).equals(after?.get(key)?.bytes ?? Buffer.of()),
    )
    expect(changed.map(([key]) => key).sort()).toEqual([
      'model.layers.0.self_attn.q_proj.weight',
      'model.layers.0.self_attn.v_proj.weight',
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.1.self_attn.v_proj.weight',
    ])
  })

  it('adds scaling * B A to the stored weight, rounded once', async () => {
    const adapter = await readAdapter(join(golden, 'llama', 'adapter'))
    const base = join(golden, 'llama', 'model')
    await mergeAdapter({ model: base, adapter, out: join(folder, 'merged') })
    const path = 'model.layers.1.mlp.down_proj'
    const weights = await Promise.all(
      [base, join(folder, 'merged')].map(async (of) => {
        const stored = (await readSafetensors(join(of, 'model.safetensors'))).get(`${path}.weight`)
        return stored === undefined ? new Float32Array() : floatTensor(stored).data
      }),
    )
    const [row, column, inFeatures, rank, scaling] = [17, 93, 112, 4, 10 / 4]
    const a = adapter.tensors.get(`base_model.model.${path}.lora_A.weight`)?.data ?? []
    const b = adapter.tensors.get(`base_model.model.${path}.lora_B.weight`)?.data ?? []
    const change = Array.from(
      { length: rank },
      (_, k) => (b[row * rank + k] ?? 0) * (a[k * inFeatures + column] ?? 0),
    )
    const at = row * inFeatures + column
    const expected = (weights[0]?.[at] ?? 0) + scaling * change.reduce((sum, term) => sum + term, 0)
    expect(weights[1]?.[at]).toBeCloseTo(expected, 6)
    expect(Math.abs((weights[1]?.[at] ?? 0) - (weights[0]?.[at] ?? 0))).toBeGreaterThan(0.01)
  })

  it('into a tied output layer is refused, and nothing is written', async () => {
    const base = join(folder, 'tied')
    await cp(join(golden, 'gpt2', 'model'), base, { recursive: true })
    const adapter = await createAdapter(base, { ...fresh, targets: ['lm_head'] }, 1)
    const out = join(folder, 'merged')
    await expect(mergeAdapter({ model: base, adapter, out })).rejects.toThrow(/"lm_head" shares its weight/)
    expect(existsSync(out)).toBe(false)
  })
})
