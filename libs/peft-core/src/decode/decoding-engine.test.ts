import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { startEngine } from '../runtime/engine.js'
import { type DecodingEngine, startDecodingEngine } from './decoding-engine.js'
import type { DecodedToken, DecodeJob } from './growth.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py
const model = join(golden, 'llama', 'model')
const greedy = { choice: { temperature: 0 }, seed: 3, stopIds: [] } as const

let engine: DecodingEngine
beforeAll(async () => {
  engine = await startDecodingEngine({ threads: 1 })
  const facts = await engine.open({ model, maxTexts: 4 })
  expect(facts).toEqual({ task: 'causal', vocabulary: expect.any(Number), maxColumns: 64 })
  await engine.load('base', null, [5, 6])
  await engine.load('tuned', await readAdapter(join(golden, 'llama', 'adapter')), [5, 6])
})
afterAll(() => engine.close())

const prompt = (salt: number): readonly number[] =>
  Array.from({ length: 2 + (salt % 5) * 3 }, (_, at) => 3 + ((at * 31 + salt * 17) % 80))

async function decoded(job: Omit<DecodeJob, keyof typeof greedy> & Partial<DecodeJob>) {
  const tokens: DecodedToken[] = []
  const text = await engine.decode({ ...greedy, ...job }, (token) => void tokens.push(token))
  return { ...text, ids: tokens.map(({ id }) => id), tokens }
}

describe('an engine that decodes', () => {
  it('gives many callers at once what each would get alone, under its adapter', async () => {
    await using alone = await startEngine({ threads: 1 })
    const { config, tensors } = await readAdapter(join(golden, 'llama', 'adapter'))
    await alone.open({ model, config, rows: 1, columns: 32, trainable: 'adapter', purpose: 'logits' })
    const zeros = new Map(
      [...tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(() => 0) }]),
    )
    const jobs = Array.from({ length: 9 }, (_, at) => ({
      adapter: at % 3 === 1 ? 'base' : 'tuned',
      prompt: prompt(at),
      maxTokens: 3 + at * 2,
    }))
    const together = await Promise.all(jobs.map((job) => decoded(job)))
    for (const [at, job] of jobs.entries()) {
      const sampling = { temperature: 0, maxTokens: job.maxTokens, seed: 3, stopIds: [] }
      const expected = await alone.generate(job.adapter === 'base' ? zeros : tensors, job.prompt, sampling)
      expect(together[at]?.ids).toEqual(expected)
      expect(together[at]?.ending).toBe('length')
    }
    expect(together[0]?.ids).not.toEqual((await decoded({ ...(jobs[0] as DecodeJob), adapter: 'base' })).ids)
  })

  it('ends a text at a stop token, at the end of what the model can look at, and when its caller lets go', async () => {
    const { ids } = await decoded({ adapter: 'base', prompt: prompt(4), maxTokens: 8 })
    const stop = ids[5] as number
    const stopped = await decoded({ adapter: 'base', prompt: prompt(4), maxTokens: 8, stopIds: [stop] })
    expect(stopped).toMatchObject({ ending: 'stop', ids: ids.slice(0, ids.indexOf(stop)) })
    const long = Array.from({ length: 60 }, (_, at) => 3 + at)
    expect(await decoded({ adapter: 'base', prompt: long, maxTokens: 50 })).toMatchObject({
      ending: 'length',
      ids: { length: 4 },
    })
    const letGo = new AbortController()
    setMaxListeners(40, letGo.signal)
    const many = Array.from({ length: 30 }, (_, at) => ({
      ...greedy,
      adapter: 'base',
      prompt: [5 + at],
      maxTokens: 50,
    }))
    const texts = await Promise.all(many.map((job) => engine.decode(job, () => letGo.abort(), letGo.signal)))
    expect(texts.at(-1)?.ending).toBe('cancelled')
    expect(texts.at(-1)?.tokens).toBeLessThan(50)
    expect(
      await engine.decode({ ...greedy, adapter: 'base', prompt: [5], maxTokens: 5 }, () => {}, letGo.signal),
    ).toEqual({ ending: 'cancelled', tokens: 0 })
  })

  it('tells how likely each token was', async () => {
    const { tokens } = await decoded({ adapter: 'tuned', prompt: [9, 8], maxTokens: 3, alternatives: 3 })
    for (const { id, logprob, top } of tokens) {
      expect(top?.[0]).toEqual([id, logprob]) // greedy takes the likeliest
      expect(logprob).toBeLessThan(0)
      expect(top).toHaveLength(3)
    }
  })

  it('lets a text go on under an adapter that another took the name of', async () => {
    const before = await decoded({ adapter: 'tuned', prompt: prompt(2), maxTokens: 40 })
    await engine.load('swapped', await readAdapter(join(golden, 'llama', 'adapter')), [5, 6])
    let loaded: Promise<unknown> | undefined
    const ids: number[] = []
    await engine.decode({ ...greedy, adapter: 'swapped', prompt: prompt(2), maxTokens: 40 }, ({ id }) => {
      ids.push(id)
      loaded ??= engine.load('swapped', null, [5, 6])
    })
    await loaded
    expect(ids).toEqual(before.ids)
    expect((await decoded({ adapter: 'swapped', prompt: prompt(2), maxTokens: 40 })).ids).not.toEqual(
      before.ids,
    )
    await engine.unload('swapped')
    await expect(decoded({ adapter: 'swapped', prompt: [5], maxTokens: 1 })).rejects.toThrow(
      'expected to be one of base, tuned',
    )
  })

  it('refuses what it cannot do, and goes on', async () => {
    const refused = (prompt: readonly number[]) =>
      expect(decoded({ adapter: 'base', prompt, maxTokens: 1 })).rejects
    await refused([]).toThrow('at least one token')
    await refused([5, 4000]).toThrow('got 4000')
    await refused(new Array(64).fill(5)).toThrow('at most 63 tokens, got 64')
    const gpt2 = await readAdapter(join(golden, 'gpt2', 'adapter'))
    await expect(engine.load('other', gpt2, [5, 6])).rejects.toThrow(/c_attn/)
    const damaged = await readAdapter(join(golden, 'llama', 'adapter'))
    for (const { data } of damaged.tensors.values()) data.fill(Number.NaN)
    await expect(engine.load('damaged', damaged, [5, 6])).rejects.toThrow('NaN')
    expect(await decoded({ adapter: 'base', prompt: [5], maxTokens: 2 })).toMatchObject({ ending: 'length' })
  })
})
