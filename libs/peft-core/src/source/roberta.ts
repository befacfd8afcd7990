/**
 * RoBERTa, and CamemBERT and XLM-RoBERTa, which are built alike: BERT with positions that are counted past the padding,
 * and heads of its own.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/roberta/modeling_roberta.py
 *
 * Sizes used below: B = batch, T = sequence, N = B T, D = width, C = classes, V = words.
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import { elementNumbers } from '../operators/elementwise.js'
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
import { additiveMask, embedding, type Layers, layerNorm, linear } from './layers.js'
import { headLayers } from './new-head.js'

export interface RobertaConfig extends EncoderConfig {
  readonly task: 'sequence' | 'token' | 'masked'
  readonly padId: number
  readonly hasTokenTypes: boolean
  readonly tieWordEmbeddings: boolean
}

export const robertaFamily: Family = (fields) => {
  const config = robertaConfig(fields)
  const outputs = { masked: 'lm_head.decoder', token: 'classifier', sequence: 'classifier.out_proj' } as const
  return {
    prefix: 'roberta.',
    task: config.task,
    outputLayer: outputs[config.task],
    hasTokenTypes: config.hasTokenTypes,
    positions: (tensors) => {
      const rows = tensors.get('roberta.embeddings.position_embeddings.weight')?.shape[0]
      return rows === undefined ? undefined : rows - config.padId - 1
    },
    headLayers: headLayers(config.task === 'sequence' ? ['classifier.dense'] : [], outputs[config.task]),
    forward: (layers, inputs) => roberta(layers, config, inputs),
  }
}

export function robertaConfig(fields: Fields): RobertaConfig {
  refuse(fields, 'is_decoder', true)
  const positions = textOf(fields, 'position_embedding_type', 'absolute')
  if (positions !== 'absolute')
    throw new RangeError(`position_embedding_type "${positions}" is not supported; expected absolute`)
  return {
    ...layersAndHeads(fields),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-12),
    activation: textOf(fields, 'hidden_act', 'gelu'),
    task: taskOfHead(fields, ['sequence', 'token', 'masked']),
    padId: numberOf(fields, 'pad_token_id', 1),
    hasTokenTypes: numberOf(fields, 'type_vocab_size', 2) > 1,
    tieWordEmbeddings: flagOf(fields, 'tie_word_embeddings', true),
  }
}

/** Appends the model -> logits: (B, C) of rows, (N, C) of tokens, (N, V) of words. */
export function roberta(layers: Layers, config: RobertaConfig, inputs: ModelInputs): Value {
  const start = embeddings(layers, config, inputs)
  const mask = additiveMask(layers, { causal: false, attentionMask: inputs.attentionMask })
  const last = encode(layers, { config, blocks: 'roberta.encoder.layer', names: bertBlock, mask }, start)
  if (config.task === 'token') return linear(layers, 'classifier', last)
  return config.task === 'sequence' ? classifier(layers, last) : words(layers, config, last)
}

function embeddings(layers: Layers, config: RobertaConfig, inputs: ModelInputs): Value {
  const { builder, batch, weights } = layers
  const { columns, rows } = batch
  const table = 'roberta.embeddings.position_embeddings'
  const limit = (weights.get(`${table}.weight`).shape[0] as number) - config.padId - 1
  if (columns > limit)
    throw new RangeError(
      `the model knows ${limit} positions; a sequence of ${columns} tokens does not fit, so take shorter rows (--max-tokens, data.maxTokens)`,
    )
  const zeros = (): Value =>
    builder.constant(new Array<number>(rows * columns).fill(0), 'int64', [rows, columns])
  const words = embedding(layers, 'roberta.embeddings.word_embeddings', inputs.inputIds)
  const types = embedding(layers, 'roberta.embeddings.token_type_embeddings', inputs.tokenTypeIds ?? zeros())
  const positions = embedding(layers, table, positionsOf(layers, config, inputs.inputIds))
  const sum = builder.op('Add', [builder.op('Add', [words, types]), positions]) // (N, D)
  return layerNorm(layers, 'roberta.embeddings.LayerNorm', sum, config.layerNormEpsilon)
}

/** Tokens are counted from `padId + 1`; padding has the position `padId`. (B, T) -> (B, T) */
function positionsOf({ builder }: Layers, { padId }: RobertaConfig, ids: Value): Value {
  const pad = builder.constant(padId, 'int64')
  const isToken = builder.op('Not', [builder.op('Equal', [ids, pad])])
  const ones = builder.op('Cast', [isToken], { attributes: { to: int(elementNumbers.int64) } })
  const counts = builder.op('CumSum', [ones, builder.constant(1, 'int64')])
  return builder.op('Add', [builder.op('Mul', [counts, ones]), pad])
}

/** The first token's state through two layers -> (B, C) */
function classifier(layers: Layers, hidden: Value): Value {
  const dense = linear(layers, 'classifier.dense', firstTokens(layers, hidden))
  return linear(layers, 'classifier.out_proj', layers.builder.op('Tanh', [dense]))
}

function words(layers: Layers, config: RobertaConfig, hidden: Value): Value {
  const biases = ['lm_head.bias', 'lm_head.decoder.bias']
  const head = {
    layerNormEpsilon: config.layerNormEpsilon,
    activation: 'gelu', // whatever the blocks have
    dense: 'lm_head.dense',
    norm: 'lm_head.layer_norm',
    decoder: 'lm_head.decoder',
    embedding: 'roberta.embeddings.word_embeddings',
    biases: config.tieWordEmbeddings ? biases : biases.toReversed(), // the first is the decoder's only when tied
  }
  return maskedWords(layers, head, hidden)
}
