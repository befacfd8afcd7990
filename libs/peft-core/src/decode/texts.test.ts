import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { virtualTokensOf } from '../adapter/prompt-config.js'
import { withPosition } from '../runtime/next-token.js'
import { createOpenGraphs } from '../runtime/open-graphs.js'
import { ort } from '../runtime/ort.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createTexts, type Texts } from './texts.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

interface Generated {
  readonly prompt: readonly number[]
  readonly tokens: readonly number[]
  readonly logits: readonly number[] // of the tokens
}

/** Made by golden/make_generation.py. */
const generation = JSON.parse(readFileSync(join(golden, 'generation.json'), 'utf8')) as Readonly<
  Record<string, readonly Generated[]>
>

const graphs = createOpenGraphs(ort, 12)
afterAll(() => graphs.closeAll())

async function textsUnder(name: string) {
  const { config, tensors } = await readAdapter(join(golden, name, 'adapter'))
  const steps: number[] = []
  const open = (rows: number, columns: number, cache: number) => {
    if (columns === 1) steps.push(rows)
    const model = join(golden, name, 'model')
    const request = { model, config, rows, columns, trainable: 'adapter', purpose: 'logits', cache } as const
    return graphs.get(JSON.stringify([name, rows, columns, cache]), async () => ({
      training: withPosition(await buildTrainingGraph(request)),
      options: { threads: 1 },
    }))
  }
  const texts = createTexts(
    {
      whole: (columns) => open(1, columns, 0),
      step: ({ rows, capacity }) => open(rows, 1, capacity),
    },
    { tensors, maxColumns: 62 - virtualTokensOf(config), leastColumns: 32 },
  )
  return { texts, steps }
}

const idAt = (at: number, salt: number): number => 3 + ((at * 73 + 11 * at * at + 29 * salt) % 89)
const text = (length: number, salt: number): readonly number[] =>
  Array.from({ length }, (_, at) => idAt(at, salt))

const worst = (left: Float32Array, right: Float32Array): number =>
  Math.max(...left.map((value, at) => Math.abs(value - (right[at] as number))))

async function alone(texts: Texts, ids: readonly number[]): Promise<Float32Array> {
  const logits = await texts.begin(999, ids)
  texts.end(999)
  return logits
}

/** Models that differ in positions, masks or what a step does; each with an adapter. */
const families = [
  'gemma2-small',
  'gpt2',
  'llama',
  'mixtral-small',
  'neox-small',
  'olmo2',
  'phi-gqa',
  'qwen3',
  'smollm3-window',
  'stablelm-parallel',
]

describe.each(families)('texts of several lengths that grow side by side under %s', (name) => {
  it('have the logits of each text read whole', async () => {
    const { texts, steps } = await textsUnder(name)
    const reference = await textsUnder(name)
    const lengths = [3, 29, 9] // the second outgrows the first window
    for (const [salt, length] of lengths.entries()) {
      const logits = await texts.begin(salt, text(length, salt))
      expect(worst(logits, await alone(reference.texts, text(length, salt)))).toBeLessThan(2e-5)
    }
    for (let more = 0; more < 4; more++) {
      const tokens = new Map(lengths.map((length, salt) => [salt, idAt(length + more, salt)]))
      const logits = await texts.extend(tokens)
      for (const [salt, length] of lengths.entries()) {
        const whole = await alone(reference.texts, text(length + more + 1, salt))
        expect(Math.max(...whole.map(Math.abs))).toBeGreaterThan(0.1)
        expect(worst(logits.get(salt) as Float32Array, whole)).toBeLessThan(2e-5)
      }
    }
    expect(texts.isCached).toBe(true)
    expect(steps).toEqual([4, 4, 4, 4])
  })

  it('grow as transformers generates them', async () => {
    const { texts } = await textsUnder(name)
    const expected = generation[name] as readonly Generated[]
    const next = new Map<number, Float32Array>()
    for (const [at, { prompt }] of expected.entries()) next.set(at, await texts.begin(at, prompt))
    for (const step of expected[0]?.tokens.keys() ?? []) {
      const chosen = new Map<number, number>()
      for (const [at, logits] of next) {
        const best = logits.indexOf(Math.max(...logits))
        expect(best).toBe(expected[at]?.tokens[step])
        expect(Math.abs((logits[best] as number) - (expected[at]?.logits[step] as number))).toBeLessThan(1e-4)
        chosen.set(at, best)
      }
      for (const [at, logits] of await texts.extend(chosen)) next.set(at, logits.slice())
    }
  })
})

describe('texts', () => {
  it('that come and go in any order have the logits that each has alone', async () => {
    const { texts } = await textsUnder('llama')
    const reference = await textsUnder('llama')
    const step = fc.oneof(
      fc.record({ kind: fc.constant('begin' as const), length: fc.integer({ min: 1, max: 47 }) }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(5) }),
      fc.record({ kind: fc.constant('extend' as const), id: fc.integer({ min: 3, max: 90 }) }),
    )
    const play = async (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const growing = new Map<number, number[]>()
      for (const [key, one] of steps.entries()) {
        if (one.kind === 'begin' && growing.size < 6) {
          growing.set(key, [...text(one.length, key)])
          await texts.begin(key, text(one.length, key))
        } else if (one.kind === 'end') {
          const ended = [...growing.keys()][one.which]
          if (ended !== undefined) {
            growing.delete(ended)
            texts.end(ended)
          }
        } else if (one.kind === 'extend' && growing.size > 0) {
          const logits = await texts.extend(new Map([...growing.keys()].map((at) => [at, one.id])))
          for (const [at, ids] of growing) {
            ids.push(one.id)
            expect(worst(logits.get(at) as Float32Array, await alone(reference.texts, ids))).toBeLessThan(
              3e-5,
            )
          }
        }
      }
      for (const key of growing.keys()) texts.end(key)
      expect(texts.count).toBe(0)
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), play), {
      numRuns: 12,
      seed: 7,
    })
  })

  it('under a model that gives no keys are read whole each time', async () => {
    const { texts, steps } = await textsUnder('llama-prompt')
    const reference = await textsUnder('llama-prompt')
    await texts.begin(1, text(5, 1))
    const logits = await texts.extend(new Map([[1, idAt(5, 1)]]))
    expect(worst(logits.get(1) as Float32Array, await alone(reference.texts, text(6, 1)))).toBe(0)
    expect(texts.isCached).toBe(false)
    expect(steps).toEqual([])
  })

  it('that fill the model cannot be extended', async () => {
    const { texts } = await textsUnder('llama')
    expect((await texts.begin(1, text(62, 1))).length).toBeGreaterThan(90)
    await expect(texts.extend(new Map([[1, 5]]))).rejects.toThrow('room to grow')
    await texts.begin(2, text(61, 1))
    expect((await texts.extend(new Map([[2, idAt(61, 1)]]))).get(2)?.length).toBeGreaterThan(90)
  })
})
