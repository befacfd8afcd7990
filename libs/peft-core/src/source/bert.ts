/**
 * BERT: learned positions and segments, layer normalisation after each block; a classifier or a masked-word head on top.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { countOf, type Fields, flagOf, listOf, numberOf, refuse, textOf } from './fields.js'
import {
  activation,
  additiveMask,
  attention,
  embedding,
  type Layers,
  layerNorm,
  linear,
  mergeHeads,
  positionEmbedding,
  splitHeads,
} from './layers.js'

export interface BertConfig {
  readonly layers: number
  readonly heads: number
  readonly layerNormEpsilon: number
  readonly activation: string
  readonly head: 'classifier' | 'masked-words'
  readonly tieWordEmbeddings: boolean
}

export const bertFamily: Family = (fields) => {
  const config = bertConfig(fields)
  const isClassifier = config.head === 'classifier'
  return {
    prefix: 'bert.',
    task: isClassifier ? 'sequence' : 'masked',
    outputLayer: isClassifier ? 'classifier' : 'cls.predictions.decoder',
    hasTokenTypes: true,
    positions: (tensors) => tensors.get('bert.embeddings.position_embeddings.weight')?.shape[0],
    forward: (layers, inputs) => bert(layers, config, inputs),
  }
}

export function bertConfig(fields: Fields): BertConfig {
  const architectures = listOf(fields, 'architectures')
  const head = bertHeads.find(([name]) => architectures.includes(name))?.[1]
  if (head === undefined) {
    const known = bertHeads.map(([name]) => name).join(', ')
    throw new RangeError(
      `architectures expected one of ${known}, got ${JSON.stringify(fields.architectures)}`,
    )
  }
  refuse(fields, 'is_decoder', true)
  if (head === 'classifier') expectClasses(fields)
  const positions = textOf(fields, 'position_embedding_type', 'absolute')
  if (positions !== 'absolute')
    throw new RangeError(`position_embedding_type "${positions}" is not supported; expected absolute`)
  return {
    layers: countOf(fields, 'num_hidden_layers'),
    heads: countOf(fields, 'num_attention_heads'),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-12),
    activation: textOf(fields, 'hidden_act', 'gelu'),
    head,
    tieWordEmbeddings: flagOf(fields, 'tie_word_embeddings', true),
  }
}

/** The loss is the cross-entropy of one class of several; transformers takes another for other problems. */
function expectClasses(fields: Fields): void {
  refuse(fields, 'problem_type', 'regression')
  refuse(fields, 'problem_type', 'multi_label_classification')
  const labels = (fields.id2label ?? null) as Fields | null
  if (fields.num_labels === 1 || (labels !== null && Object.keys(labels).length === 1))
    throw new RangeError('num_labels 1 is a regression, which is not supported; expected 2 classes or more')
}

const bertHeads: readonly (readonly [string, BertConfig['head']])[] = [
  ['BertForSequenceClassification', 'classifier'],
  ['BertForMaskedLM', 'masked-words'],
]

/** Appends the model -> logits: (B, C) with a classifier, (N, V) with a masked-word head. */
export function bert(layers: Layers, config: BertConfig, inputs: ModelInputs): Value {
  const mask = additiveMask(layers, { causal: false, attentionMask: inputs.attentionMask })
  const last = Array.from({ length: config.layers }, (_, index) => `bert.encoder.layer.${index}`).reduce(
    (hidden, path) => block(layers, config, { path, hidden, mask }),
    embeddings(layers, config, inputs),
  )
  return config.head === 'classifier' ? classifier(layers, last) : maskedWords(layers, config, last)
}

function embeddings(layers: Layers, config: BertConfig, inputs: ModelInputs): Value {
  const { builder, batch } = layers
  const zeros = (): Value =>
    builder.constant(new Array(batch.rows * batch.columns).fill(0), 'int64', [batch.rows, batch.columns])
  const words = embedding(layers, 'bert.embeddings.word_embeddings', inputs.inputIds)
  const types = embedding(layers, 'bert.embeddings.token_type_embeddings', inputs.tokenTypeIds ?? zeros())
  const positions = positionEmbedding(layers, 'bert.embeddings.position_embeddings')
  const sum = builder.op('Add', [builder.op('Add', [words, types]), positions]) // (N, D)
  return layerNorm(layers, 'bert.embeddings.LayerNorm', sum, config.layerNormEpsilon)
}

interface Block {
  readonly path: string
  readonly hidden: Value
  readonly mask: Value | undefined
}

function block(layers: Layers, config: BertConfig, { path, hidden, mask }: Block): Value {
  const { builder } = layers
  const heads = (name: string): Value =>
    splitHeads(layers, linear(layers, `${path}.attention.self.${name}`, hidden), config.heads)
  const [query, key, value] = [heads('query'), heads('key'), heads('value')]
  const scale = 1 / Math.sqrt(query.shape[3] as number)
  const attended = mergeHeads(layers, attention(layers, { query, key, value, mask, scale }))
  const projected = linear(layers, `${path}.attention.output.dense`, attended)
  const sum = builder.op('Add', [projected, hidden])
  const middle = layerNorm(layers, `${path}.attention.output.LayerNorm`, sum, config.layerNormEpsilon)
  const wide = activation(layers, config.activation, linear(layers, `${path}.intermediate.dense`, middle))
  const narrow = builder.op('Add', [linear(layers, `${path}.output.dense`, wide), middle])
  return layerNorm(layers, `${path}.output.LayerNorm`, narrow, config.layerNormEpsilon)
}

/** The first token's state through the pooler and the classifier -> (B, C) */
function classifier(layers: Layers, hidden: Value): Value {
  const { builder, batch } = layers
  const firsts = Array.from({ length: batch.rows }, (_, row) => row * batch.columns)
  const first = builder.op('Gather', [hidden, builder.constant(firsts, 'int64')], {
    attributes: { axis: int(0) },
  })
  const pooled = builder.op('Tanh', [linear(layers, 'bert.pooler.dense', first)])
  return linear(layers, 'classifier', pooled)
}

function maskedWords(layers: Layers, config: BertConfig, hidden: Value): Value {
  const { builder, weights } = layers
  const transform = 'cls.predictions.transform'
  const dense = activation(layers, config.activation, linear(layers, `${transform}.dense`, hidden))
  const normed = layerNorm(layers, `${transform}.LayerNorm`, dense, config.layerNormEpsilon)
  const head =
    weights.find('cls.predictions.decoder.weight') ?? weights.get('bert.embeddings.word_embeddings.weight')
  const biases = ['cls.predictions.bias', 'cls.predictions.decoder.bias'] as const
  const [first, second] = config.tieWordEmbeddings ? biases : biases.toReversed() // the first is the decoder's only when tied
  const bias = weights.find(first as string) ?? weights.get(second as string)
  const attributes = { transB: int(1) }
  return builder.op('Gemm', [normed, head, bias], {
    attributes,
    module: 'cls.predictions.decoder',
    name: 'decoder',
  })
}
