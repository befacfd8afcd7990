import { readFileSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createDecoder, type DecoderGraphs } from './decoder.js'
import { withPosition } from './next-token.js'
import { createOpenGraphs } from './open-graphs.js'
import { ort } from './ort.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

const graphs = createOpenGraphs(ort)
let mistral: string // the llama case, each token of which sees only five tokens back
beforeAll(async () => {
  mistral = await mkdtemp(join(tmpdir(), 'lorica-decoder-'))
  await cp(join(golden, 'llama', 'model'), mistral, { recursive: true })
  const config = JSON.parse(readFileSync(join(mistral, 'config.json'), 'utf8')) as object
  const changed = {
    ...config,
    model_type: 'mistral',
    architectures: ['MistralForCausalLM'],
    sliding_window: 5,
  }
  await writeFile(join(mistral, 'config.json'), JSON.stringify(changed))
})
afterAll(async () => {
  await graphs.closeAll()
  await rm(mistral, { recursive: true, force: true })
})

async function decoderOf(name: string, model: string, expectedTokens: number) {
  const { config, tensors } = await readAdapter(join(golden, name, 'adapter'))
  const runs: string[] = []
  const open = (columns: number, cache: number): ReturnType<DecoderGraphs['whole']> => {
    runs.push(cache === 0 ? 'whole' : 'step')
    const request = {
      model,
      config,
      rows: 1,
      columns,
      trainable: 'adapter',
      purpose: 'logits',
      cache,
    } as const
    return graphs.get(`${model} ${columns} ${cache}`, async () => ({
      training: withPosition(await buildTrainingGraph(request)),
      options: {},
    }))
  }
  const opened = {
    whole: (columns: number) => open(columns, 0),
    step: (capacity: number) => open(1, capacity),
  }
  return { next: createDecoder(opened, { tensors, maxColumns: 64, expectedTokens }), runs }
}

const text = Array.from({ length: 40 }, (_, at) => 3 + ((at * 73 + 11 * at * at) % 89))

const families = [
  'gemma2-small',
  'gpt2',
  'llama',
  'mistral',
  'neox-small',
  'olmo2',
  'qwen2-moe-norm',
  'smollm3-window',
]

describe.each(families)('a text that grows token by token under %s', (name) => {
  it('has the logits of the whole text read at once, from a cache', async () => {
    const [source, model] = name === 'mistral' ? ['llama', mistral] : [name, join(golden, name, 'model')]
    const growing = await decoderOf(source, model, 40)
    for (let length = 7; length <= 40; length += 1) {
      const logits = await growing.next(text.slice(0, length))
      if (length % 11 !== 0) continue
      const whole = await decoderOf(source, model, 40)
      const expected = await whole.next(text.slice(0, length))
      const worst = Math.max(...expected.map((value, at) => Math.abs(value - (logits[at] as number))))
      expect(worst).toBeLessThan(2e-5)
      expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.5)
    }
    expect(growing.runs.filter((run) => run === 'whole')).toHaveLength(1)
    expect(growing.runs.filter((run) => run === 'step')).toHaveLength(33)
  })
})

describe('a text that does not continue the last one', () => {
  it('is read whole', async () => {
    const { next, runs } = await decoderOf('llama', join(golden, 'llama', 'model'), 20)
    const expected = await (await decoderOf('llama', join(golden, 'llama', 'model'), 20)).next([5, 6, 9])
    await next([5, 6, 7])
    await next([5, 6, 7, 8])
    expect(await next([5, 6, 9])).toEqual(expected)
    await next([5, 7, 9, 4]) // as long as the next text would be
    expect(runs).toEqual(['whole', 'step', 'whole', 'whole'])
  })

  it('beyond what the model can look at shows it the end of the text', async () => {
    const { next, runs } = await decoderOf('llama', join(golden, 'llama', 'model'), 80)
    const long = Array.from({ length: 70 }, (_, at) => 3 + ((at * 31) % 290))
    const logits = await next(long)
    expect(await next(long.slice(-64))).toEqual(logits)
    expect(runs).toEqual(['whole', 'whole'])
  })
})
