/**
 * BERT, and MiniLM, which is one: learned positions and segments, layer normalisation after each part; a classifier of
 * rows or of tokens, or a masked-word head, on top.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import {
  bertBlock,
  type EncoderConfig,
  encode,
  firstTokens,
  layersAndHeads,
  maskedWords,
  taskOfHead,
} from './encoder.js'
import { type Fields, flagOf, numberOf, refuse, textOf } from './fields.js'
import { additiveMask, embedding, type Layers, layerNorm, linear, positionEmbedding } from './layers.js'
import { headLayers } from './new-head.js'

export interface BertConfig extends EncoderConfig {
  readonly task: 'sequence' | 'token' | 'masked'
  readonly tieWordEmbeddings: boolean
}

export const bertFamily: Family = (fields) => {
  const config = bertConfig(fields)
  return {
    prefix: 'bert.',
    task: config.task,
    outputLayer: config.task === 'masked' ? 'cls.predictions.decoder' : 'classifier',
    hasTokenTypes: true,
    positions: (tensors) => tensors.get('bert.embeddings.position_embeddings.weight')?.shape[0],
    headLayers: headLayers(config.task === 'sequence' ? ['bert.pooler.dense'] : [], 'classifier'),
    forward: (layers, inputs) => bert(layers, config, inputs),
  }
}

export function bertConfig(fields: Fields): BertConfig {
  refuse(fields, 'is_decoder', true)
  const positions = textOf(fields, 'position_embedding_type', 'absolute')
  if (positions !== 'absolute')
    throw new RangeError(`position_embedding_type "${positions}" is not supported; expected absolute`)
  return {
    ...layersAndHeads(fields),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-12),
    activation: textOf(fields, 'hidden_act', 'gelu'),
    task: taskOfHead(fields, ['sequence', 'token', 'masked']),
    tieWordEmbeddings: flagOf(fields, 'tie_word_embeddings', true),
  }
}

/** Appends the model -> logits: (B, C) of rows, (N, C) of tokens, (N, V) of words. */
export function bert(layers: Layers, config: BertConfig, inputs: ModelInputs): Value {
  const start = embeddings(layers, config, inputs)
  const mask = additiveMask(layers, { causal: false, attentionMask: inputs.attentionMask })
  const last = encode(layers, { config, blocks: 'bert.encoder.layer', names: bertBlock, mask }, start)
  if (config.task === 'token') return linear(layers, 'classifier', last)
  return config.task === 'sequence' ? classifier(layers, last) : words(layers, config, last)
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

/** The first token's state through the pooler and the classifier -> (B, C) */
function classifier(layers: Layers, hidden: Value): Value {
  const pooled = linear(layers, 'bert.pooler.dense', firstTokens(layers, hidden))
  return linear(layers, 'classifier', layers.builder.op('Tanh', [pooled]))
}

function words(layers: Layers, config: BertConfig, hidden: Value): Value {
  const biases = ['cls.predictions.bias', 'cls.predictions.decoder.bias']
  const head = {
    ...config,
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    decoder: 'cls.predictions.decoder',
    embedding: 'bert.embeddings.word_embeddings',
    biases: config.tieWordEmbeddings ? biases : biases.toReversed(), // the first is the decoder's only when tied
  }
  return maskedWords(layers, head, hidden)
}
