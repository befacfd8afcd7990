/**
 * BERT: learned positions and segments, layer normalisation after each block; a classifier or a masked-word head on top.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { BertConfig } from './config.js'
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

export interface EncoderInputs {
  readonly inputIds: Value // (B, T)
  readonly attentionMask: Value | undefined // (B, T)
  readonly tokenTypeIds: Value | undefined // (B, T); zeros when absent
}

/** Appends the model -> logits: (B, C) with a classifier, (N, V) with a masked-word head. */
export function bert(layers: Layers, config: BertConfig, inputs: EncoderInputs): Value {
  const mask = additiveMask(layers, { causal: false, attentionMask: inputs.attentionMask })
  const last = Array.from({ length: config.layers }, (_, index) => `bert.encoder.layer.${index}`).reduce(
    (hidden, path) => block(layers, config, { path, hidden, mask }),
    embeddings(layers, config, inputs),
  )
  return config.head === 'classifier' ? classifier(layers, last) : maskedWords(layers, config, last)
}

function embeddings(layers: Layers, config: BertConfig, inputs: EncoderInputs): Value {
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
