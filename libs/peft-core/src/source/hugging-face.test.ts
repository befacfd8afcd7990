import { expect, test } from 'vitest'
import { weightBytes } from '../graph/constant.js'
import type { Graph, Weight } from '../graph/graph.js'
import { reference } from '../runtime/reference.js'
import { type BertConfig, bert } from './bert.js'
import { forwardGraph } from './hugging-face.js'
import { type LlamaConfig, llama } from './llama.js'

const options = { rows: 1, columns: 2, attentionMask: true, tokenTypeIds: false, trainable: false }

function tensor(name: string, shape: readonly number[], first = 0.3): readonly [string, Weight] {
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => first + 0.7 * at ** 1.3)
  return [
    name,
    { name, element: 'float32', shape, data: { kind: 'bytes', bytes: weightBytes(values, 'float32') } },
  ]
}

const words: BertConfig = {
  layers: 0,
  heads: 1,
  layerNormEpsilon: 1e-5,
  activation: 'tanh',
  task: 'masked',
  tieWordEmbeddings: true,
}
const bertTensors = new Map([
  tensor('bert.embeddings.word_embeddings.weight', [3, 2]),
  tensor('bert.embeddings.token_type_embeddings.weight', [2, 2]),
  tensor('bert.embeddings.position_embeddings.weight', [4, 2]),
  tensor('bert.embeddings.LayerNorm.weight', [2]),
  tensor('bert.embeddings.LayerNorm.bias', [2]),
  tensor('cls.predictions.transform.dense.weight', [2, 2]),
  tensor('cls.predictions.transform.dense.bias', [2]),
  tensor('cls.predictions.transform.LayerNorm.weight', [2]),
  tensor('cls.predictions.transform.LayerNorm.bias', [2]),
  tensor('cls.predictions.bias', [3], 10),
  tensor('cls.predictions.decoder.bias', [3], 25),
])

async function logitsOf(config: BertConfig, without?: string): Promise<readonly number[]> {
  const tensors = new Map([...bertTensors].filter(([name]) => name !== without))
  const session = await reference.open(
    forwardGraph(
      { task: 'masked', hasTokenTypes: true, forward: (layers, inputs) => bert(layers, config, inputs) },
      tensors,
      options,
    ),
  )
  const feeds = new Map([
    ['input_ids', Int32Array.of(2, 1)],
    ['attention_mask', Int32Array.of(1, 1)],
  ])
  return Array.from((await session.run(feeds)).get('logits')?.data ?? [])
}

test('a masked-word head that is not tied has a bias of its own', async () => {
  const tied = await logitsOf(words)
  const untied = await logitsOf({ ...words, tieWordEmbeddings: false })
  expect(tied).toHaveLength(6)
  for (const [at, logit] of untied.entries()) expect(logit - (tied[at] as number)).toBeCloseTo(15, 5)
  expect(await logitsOf(words, 'cls.predictions.bias')).toEqual(untied)
})

test('a Llama whose head is not tied needs the head', () => {
  const config: LlamaConfig = {
    layers: 0,
    heads: 1,
    keyValueHeads: 1,
    headWidth: 2,
    positions: 8,
    rmsNormEpsilon: 1e-5,
    activation: 'silu',
    rope: { theta: 10_000, fraction: 1, scaling: { kind: 'default' } },
    windows: [],
    tieWordEmbeddings: false,
    projectionBias: false,
    outputBias: false,
    headNormEpsilon: null,
    feedForwardBias: false,
  }
  const tensors = new Map([tensor('model.embed_tokens.weight', [3, 2]), tensor('model.norm.weight', [2])])
  const graphOf = (used: LlamaConfig): Graph =>
    forwardGraph(
      { task: 'causal', hasTokenTypes: false, forward: (layers, inputs) => llama(layers, used, inputs) },
      tensors,
      options,
    )
  expect(() => graphOf(config)).toThrow('the model has no tensor "lm_head.weight"')
  const tied = graphOf({ ...config, tieWordEmbeddings: true })
  expect(tied.outputs.map(({ shape }) => shape)).toEqual([[1, 2, 3]])
})
