import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type EngineSpec,
  readAdapter,
  startEngine,
  surerShares,
  type TokenBatch,
  type Tokenizer,
} from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { createTrainer } from '../engine/engine.js'
import { probe } from './probing.js'

const golden = fileURLToPath(new URL('../../../../libs/peft-core/golden/bert-head', import.meta.url))
const never = new AbortController().signal

/** A word is the code of its first letter; 1 and 2 stand around a text. */
const tokenizer = {
  encode: (text: string, { specialTokens = false } = {}) => {
    const ids = text.split(' ').map((word) => word.charCodeAt(0) % 50)
    return specialTokens ? [1, ...ids, 2] : ids
  },
  padId: 0,
} as Tokenizer

test('of a classifier of texts is told how much surer it is of public texts than of those held out, under both adapters', async () => {
  const { config, tensors } = await readAdapter(join(golden, 'adapter'))
  const spec: EngineSpec = {
    ...{ model: join(golden, 'model'), config, rows: 2, columns: 8, trainable: 'adapter' },
  }
  const trainer = createTrainer({
    ...{ clock: systemClock(), onFallen: () => {} },
    start: () => startEngine({ threads: 1 }),
  })
  const texts = ['a b c', 'x y z q', 'm']
  const rowsOf = (ids: readonly (readonly number[])[], labels: readonly number[]): TokenBatch => ({
    ...{ rows: 2, columns: 8, labels: Int32Array.from(labels) },
    inputIds: Int32Array.from(ids.flatMap((row) => [...row, ...Array(8 - row.length).fill(0)])),
    attentionMask: Int32Array.from(
      ids.flatMap((row) => Array.from({ length: 8 }, (_, at) => (at < Math.max(1, row.length) ? 1 : 0))),
    ),
  })
  const weaker = new Map(
    [...tensors].map(([name, one]) => [name, { ...one, data: one.data.map((value) => 0.2 * value) }]),
  )
  const heldOut = [
    rowsOf(
      [
        [1, 9, 8, 7, 2],
        [1, 30, 2],
      ],
      [0, 1],
    ),
    rowsOf([[1, 12, 13, 2], []], [1, -100]),
  ]
  const framed = texts.map((text) => tokenizer.encode(text, { specialTokens: true }))
  // the label of a text is not known, and whichever is put there changes nothing
  const asked = [rowsOf(framed.slice(0, 2), [1, 0]), rowsOf([framed[2] ?? [], []], [1, -100])]
  const surer = async (of: typeof tensors) => {
    const { confidences } = await trainer.examine(spec, of, heldOut, never)
    expect(confidences).toHaveLength(3)
    const ofTexts = await trainer.examine(spec, of, asked, never)
    return { confidences, shares: surerShares(ofTexts.confidences, confidences) }
  }
  const [now, before] = [await surer(tensors), await surer(weaker)]
  const side = (of: typeof tensors, confidences: Float64Array) => ({
    spec,
    adapter: { tensors: of },
    confidences,
  })
  const { reference } = await probe(
    { reference: texts },
    {
      now: side(tensors, now.confidences),
      before: side(weaker, before.confidences),
      ...{ batches: heldOut, tokenizer: async () => tokenizer, onDone: () => {} },
      overlap: () => Promise.reject(new RangeError('overlap expected no call')),
    },
    trainer,
    never,
  )
  await trainer.close()
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  expect(new Set([...now.confidences, ...before.confidences]).size).toBe(6)
  expect(reference?.adapter).toBeCloseTo(sum(now.shares), 12)
  expect(reference?.against).toBeCloseTo(sum(before.shares), 12)
  expect(reference?.difference).toMatchObject({ count: 3 })
})
