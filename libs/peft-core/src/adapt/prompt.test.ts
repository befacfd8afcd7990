import { expect, test } from 'vitest'
import { createPromptConfig } from '../adapter/prompt-config.js'
import { PROMPT_KEY } from '../adapter/prompt-embeddings.js'
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import { reference } from '../runtime/reference.js'
import type { Feed } from '../runtime/runtime.js'
import { insertPrompt } from './prompt.js'
import { embeddingRows, tokenEmbedding } from './token-embedding.js'
import { hideVirtualTokens } from './virtual-tokens.js'

const config = createPromptConfig({ method: 'prompt', virtualTokens: 2 }, { tokenDim: 2 })

/** Embeddings of three columns, from a table in half precision, as logits; a token that is masked has none. */
function model(): Graph {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [1, 3])
  const mask = builder.input('attention_mask', 'int64', [1, 3])
  const bytes = new Uint8Array(Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0).buffer)
  const table = builder.weight({
    name: 'wte',
    element: 'bfloat16',
    shape: [3, 2],
    data: { kind: 'bytes', bytes },
  })
  const rows = builder.op('Cast', [builder.op('Gather', [table, ids])], { attributes: { to: int(1) } })
  const kept = builder.op('Cast', [mask], { attributes: { to: int(1) } })
  const column = builder.op('Reshape', [kept, builder.constant([1, 3, 1], 'int64')])
  const logits = builder.op('Mul', [rows, column])
  builder.output(logits)
  return renameValue(builder.build(), logits.name, 'logits')
}

const feeds = (ids: readonly number[], mask: readonly number[]) =>
  new Map<string, Feed>([
    ['input_ids', Int32Array.from(ids)],
    ['attention_mask', Int32Array.from(mask)],
    [PROMPT_KEY, Float32Array.of(7, 8, 9, 10)],
  ])

test('the embeddings of the prompt come first, whatever ids stand there', async () => {
  const session = await reference.open(insertPrompt(model(), config))
  const { data, shape } = (await session.run(feeds([2, 0, 2], [1, 1, 1]))).get('logits') ?? {}
  expect(shape).toEqual([1, 3, 2])
  expect([...(data ?? [])]).toEqual([7, 8, 9, 10, 5, 6])
})

test('a batch has its own columns only: virtual tokens are attended to, and their logits left out', async () => {
  const graph = hideVirtualTokens(insertPrompt(model(), config), 2)
  expect(graph.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    [PROMPT_KEY, [2, 2]],
    ['input_ids', [1, 1]],
    ['attention_mask', [1, 1]],
  ])
  const session = await reference.open(graph)
  expect((await session.run(feeds([1], [1]))).get('logits')).toMatchObject({
    shape: [1, 1, 2],
    data: Float64Array.of(3, 4),
  })
  expect((await session.run(feeds([1], [0]))).get('logits')).toMatchObject({ data: Float64Array.of(0, 0) })
})

test('rows of a table in half precision are read as float32', () => {
  expect(embeddingRows(tokenEmbedding(model()), [2, 0])).toEqual({
    shape: [2, 2],
    data: Float32Array.of(5, 6, 1, 2),
  })
})

/** 3 times rows of a table, (1, 2) and (3, 4), then 10 times what that gives. */
function scaledModel(element: 'bfloat16' | 'float32'): Graph {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [1, 3])
  const module = 'model.embed_tokens'
  const half = Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080)
  const bytes = new Uint8Array((element === 'float32' ? Float32Array.of(1, 2, 3, 4) : half).buffer)
  const table = builder.weight({ name: 'wte', element, shape: [2, 2], data: { kind: 'bytes', bytes } })
  const found = builder.op('Gather', [table, ids], { module })
  const rows = element === 'float32' ? found : builder.op('Cast', [found], { attributes: { to: int(1) } })
  const scaled = builder.op('Mul', [rows, builder.constant(3)], { module })
  const logits = builder.op('Mul', [scaled, builder.constant(10)], { module: 'model' })
  builder.output(logits)
  return renameValue(builder.build(), logits.name, 'logits')
}

test.each(['float32', 'bfloat16'] as const)(
  'a factor of an embedding in %s counts for rows that are read, and is no factor of a prompt',
  async (element) => {
    const graph = scaledModel(element)
    expect(embeddingRows(tokenEmbedding(graph), [1]).data).toEqual(Float32Array.of(9, 12))
    const session = await reference.open(insertPrompt(graph, config))
    const { data } = (await session.run(feeds([0, 0, 1], [1, 1, 1]))).get('logits') ?? {}
    expect([...(data ?? [])]).toEqual([70, 80, 90, 100, 90, 120])
  },
)

test('a model without token ids, or with other embeddings, is refused', () => {
  const other = renameValue(model(), 'input_ids', 'pixels')
  expect(() => insertPrompt(other, config)).toThrow('looks up "input_ids" in one embedding, found 0')
  expect(() => insertPrompt(model(), { ...config, tokenDim: 5 })).toThrow(
    'embeddings of 5 numbers, the model of 2',
  )
})
