import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import { createBuilder } from '../graph/builder.js'
import { reference } from '../runtime/reference.js'
import { rowClasses, rowClassifierOf } from './row-classes.js'
import { weightSource } from './weights.js'

const rows = 3
const columns = 4

/** The state that is read of each row, by its number in the batch: one class whose weight is 1. */
async function placesOf(padId: number | null, ids: readonly number[], mask?: readonly number[]) {
  const builder = createBuilder()
  const bytes = new Uint8Array(Float32Array.of(1).buffer)
  const score = {
    name: 'score.weight',
    element: 'float32',
    shape: [1, 1],
    data: { kind: 'bytes', bytes },
  } as const
  const weights = weightSource(builder, new Map([[score.name, score]]), false)
  const inputIds = builder.input('input_ids', 'int64', [rows, columns])
  const attentionMask = mask && builder.input('attention_mask', 'int64', [rows, columns])
  const states = Array.from({ length: rows * columns }, (_, at) => at)
  const hidden = builder.constant(states, 'float32', [rows * columns, 1])
  const layers = { builder, weights, batch: { rows, columns } }
  const logits = rowClasses(layers, { padId }, { hidden, inputs: { inputIds, attentionMask } })
  builder.output(logits)
  const session = await reference.open(builder.build())
  const feeds = new Map([['input_ids', Int32Array.from(ids)]])
  if (mask !== undefined) feeds.set('attention_mask', Int32Array.from(mask))
  const found = (await session.run(feeds)).get(logits.name)
  expect(found?.shape).toEqual([rows, 1])
  return [...(found?.data ?? [])]
}

const ids = [5, 6, 7, 7, 7, 7, 8, 9, 7, 7, 7, 7]

test('the last token that is no padding is read, wherever the padding stands', async () => {
  expect(await placesOf(7, ids)).toEqual([1, 7, 8]) // as transformers: a row of padding gives its first token
  expect(await placesOf(7, ids, [1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1])).toEqual([1, 7, 8])
})

test('without a token of padding the mask says what is padding', async () => {
  expect(await placesOf(null, ids, [1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0])).toEqual([2, 7, 8])
  expect(await placesOf(null, ids)).toEqual([3, 7, 11])
})

test('other heads, and losses that are none of classes, are refused', () => {
  const of = (architectures: string[], more = {}) => rowClassifierOf({ architectures, ...more })
  expect(of(['LlamaForCausalLM'])).toBeUndefined()
  expect(of(['LlamaForSequenceClassification'], { pad_token_id: 9 })).toEqual({ padId: 9 })
  expect(() => of(['LlamaForTokenClassification'])).toThrow('"LlamaForTokenClassification" is not supported')
  const regression = { problem_type: 'regression' }
  expect(() => of(['LlamaForSequenceClassification'], regression)).toThrow('problem_type "regression"')
})

test('a soft prompt for such a decoder is refused with what can be taken', async () => {
  const model = join(fileURLToPath(new URL('../../golden', import.meta.url)), 'llama-score', 'model')
  const prompt = createAdapter(model, { method: 'prompt', virtualTokens: 2 }, 1)
  await expect(prompt).rejects.toThrow('expected the method lora, dora or ia3')
})
