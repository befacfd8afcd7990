/**
 * DistilBERT: BERT without segments and pooler.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/distilbert/modeling_distilbert.py
 *
 * Sizes used below: B = batch, T = sequence, N = B T, C = classes, V = words.
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import {
  type BlockNames,
  type EncoderConfig,
  encode,
  firstTokens,
  maskedWords,
  taskOfHead,
} from './encoder.js'
import { countOf, type Fields, layersOf, textOf } from './fields.js'
import { additiveMask, embedding, type Layers, layerNorm, linear, positionEmbedding } from './layers.js'
import { headLayers } from './new-head.js'

export interface DistilbertConfig extends EncoderConfig {
  readonly task: 'sequence' | 'token' | 'masked'
}

export const distilbertFamily: Family = (fields) => {
  const config = distilbertConfig(fields)
  return {
    prefix: 'distilbert.',
    task: config.task,
    outputLayer: config.task === 'masked' ? 'vocab_projector' : 'classifier',
    hasTokenTypes: false,
    positions: (tensors) => tensors.get('distilbert.embeddings.position_embeddings.weight')?.shape[0],
    headLayers: headLayers(config.task === 'sequence' ? ['pre_classifier'] : [], 'classifier'),
    forward: (layers, inputs) => distilbert(layers, config, inputs),
  }
}

/** No field of config.json states it. */
const LAYER_NORM_EPSILON = 1e-12

export function distilbertConfig(fields: Fields): DistilbertConfig {
  return {
    layers: layersOf(fields, 'n_layers'),
    heads: countOf(fields, 'n_heads'),
    layerNormEpsilon: LAYER_NORM_EPSILON,
    activation: textOf(fields, 'activation', 'gelu'),
    task: taskOfHead(fields, ['sequence', 'token', 'masked']),
  }
}

const names: BlockNames = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  output: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  wide: 'ffn.lin1',
  narrow: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
}

/** Appends the model -> logits: (B, C) of rows, (N, C) of tokens, (N, V) of words. */
export function distilbert(layers: Layers, config: DistilbertConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const embedded = builder.op('Add', [
    embedding(layers, 'distilbert.embeddings.word_embeddings', inputs.inputIds),
    positionEmbedding(layers, 'distilbert.embeddings.position_embeddings'),
  ])
  const start = layerNorm(layers, 'distilbert.embeddings.LayerNorm', embedded, config.layerNormEpsilon)
  const mask = additiveMask(layers, { causal: false, attentionMask: inputs.attentionMask })
  const last = encode(layers, { config, blocks: 'distilbert.transformer.layer', names, mask }, start)
  if (config.task === 'token') return linear(layers, 'classifier', last)
  return config.task === 'sequence' ? classifier(layers, last) : words(layers, config, last)
}

/** The first token's state through two layers -> (B, C) */
function classifier(layers: Layers, hidden: Value): Value {
  const dense = linear(layers, 'pre_classifier', firstTokens(layers, hidden))
  return linear(layers, 'classifier', layers.builder.op('Relu', [dense]))
}

function words(layers: Layers, config: DistilbertConfig, hidden: Value): Value {
  const head = {
    ...config,
    dense: 'vocab_transform',
    norm: 'vocab_layer_norm',
    decoder: 'vocab_projector',
    embedding: 'distilbert.embeddings.word_embeddings',
    biases: ['vocab_projector.bias'],
  }
  return maskedWords(layers, head, hidden)
}
