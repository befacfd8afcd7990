import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { createPeftConfig } from '../adapter/peft-config.js'
import { withPosition } from '../runtime/next-token.js'
import { createOpenGraphs } from '../runtime/open-graphs.js'
import { ort } from '../runtime/ort.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createCrowd, type Group } from './crowd.js'
import { createGrowth } from './growth.js'
import { createTexts } from './texts.js'

const model = fileURLToPath(new URL('../../golden/llama/model', import.meta.url))
const config = createPeftConfig({ method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false })
const graphs = createOpenGraphs(ort, 8)
afterAll(() => graphs.closeAll())

function group(id: string): Group {
  const open = (rows: number, columns: number, cache: number) => {
    const request = { model, config, rows, columns, trainable: 'nothing', purpose: 'logits', cache } as const
    return graphs.get(JSON.stringify([rows, columns, cache]), async () => ({
      training: withPosition(await buildTrainingGraph(request)),
      options: { threads: 1 },
    }))
  }
  const whole = (columns: number) => open(1, columns, 0)
  const step = ({ rows, capacity }: { rows: number; capacity: number }) => open(rows, 1, capacity)
  return { id, texts: createTexts({ whole, step }, { tensors: new Map(), maxColumns: 64, leastColumns: 32 }) }
}

/** A crowd whose texts tell when they grow. */
function tracked(maxTexts: number) {
  const crowd = createCrowd(() => maxTexts)
  const events: string[] = []
  const join = (group: Group, name: string, maxTokens: number, goesOn = () => true) => {
    const job = { adapter: '', prompt: [5, 9], maxTokens, choice: { temperature: 0 }, seed: 1, stopIds: [] }
    const onToken = () => void events.push(name)
    return crowd.join(group, createGrowth(job, { vocabulary: 90, maxColumns: 64, onToken, goesOn }))
  }
  const settle = async (): Promise<void> => {
    while (await crowd.move());
  }
  return { join, settle, events, crowd }
}

test('a text whose caller lets go ends before its next token, and its room is another one’s', async () => {
  const { join, settle, events } = tracked(1)
  const own = group('a')
  const first = join(own, 'first', 50, () => events.length < 3)
  const waiting = join(own, 'never', 50, () => events.length < 1)
  const last = join(own, 'last', 2)
  await settle()
  expect(await first).toEqual({ ending: 'cancelled', tokens: 3 })
  expect(await waiting).toEqual({ ending: 'cancelled', tokens: 0 })
  expect(await last).toEqual({ ending: 'length', tokens: 2 })
  expect(events).toEqual(['first', 'first', 'first', 'last', 'last'])
  expect(own.texts.count).toBe(0)
})

test('adapters take turns, so that one text does not wait for many of another', async () => {
  const { join, settle, events } = tracked(4)
  const [many, few] = [group('many'), group('few')]
  const all = [1, 2, 3].map(() => join(many, 'many', 4))
  all.push(join(few, 'few', 4))
  await settle()
  await Promise.all(all)
  expect(events.indexOf('few')).toBeLessThan(4) // not after the twelve tokens of the others
  expect(events.lastIndexOf('few')).toBeLessThan(events.length - 1)
  expect(events).toHaveLength(16)
})

test('a text that cannot be read fails alone', async () => {
  const { join, settle, crowd } = tracked(2)
  const own = group('a')
  const good = join(own, 'good', 3)
  const job = { adapter: '', prompt: [5], maxTokens: 3, choice: { temperature: 0 }, seed: 1, stopIds: [] }
  const growth = createGrowth(job, { vocabulary: 90, maxColumns: 64, onToken: () => {}, goesOn: () => true })
  const damaged = {
    ...growth,
    take: () => {
      throw new RangeError('the model gave NaN')
    },
  }
  const bad = crowd.join(own, damaged)
  const refused = expect(bad).rejects.toThrow('NaN')
  await settle()
  await refused
  expect(await good).toMatchObject({ tokens: 3 })
  expect(own.texts.count).toBe(0)
})
