/**
 * GPT-2: learned positions, layer normalisation before each block, one fused projection for query, key and value.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/gpt2/modeling_gpt2.py
 * @module
 */

import { int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { countOf, type Fields, flagOf, layersOf, numberOf, refuse, textOf } from './fields.js'
import { wantedStates } from './growing-text.js'
import {
  activation,
  additiveMask,
  attention,
  conv1d,
  embedding,
  type Layers,
  layerNorm,
  mergeHeads,
  positionEmbedding,
  splitHeads,
} from './layers.js'
import { decoderHead, type RowClassifier, rowClasses, rowClassifierOf } from './row-classes.js'

export interface Gpt2Config {
  readonly layers: number
  readonly heads: number
  readonly layerNormEpsilon: number
  readonly activation: string
  readonly scaleAttention: boolean
  readonly classifier?: RowClassifier | undefined
}

export const gpt2Family: Family = (fields) => {
  const config = gpt2Config(fields)
  return {
    prefix: 'transformer.',
    ...decoderHead(config.classifier),
    hasTokenTypes: false,
    positions: (tensors) => tensors.get('transformer.wpe.weight')?.shape[0],
    forward: (layers, inputs) => gpt2(layers, config, inputs),
  }
}

export function gpt2Config(fields: Fields): Gpt2Config {
  refuse(fields, 'add_cross_attention', true)
  refuse(fields, 'scale_attn_by_inverse_layer_idx', true)
  return {
    layers: layersOf(fields, 'n_layer'),
    heads: countOf(fields, 'n_head'),
    layerNormEpsilon: numberOf(fields, 'layer_norm_epsilon', 1e-5),
    activation: textOf(fields, 'activation_function', 'gelu_new'),
    scaleAttention: flagOf(fields, 'scale_attn_weights', true),
    classifier: rowClassifierOf(fields),
  }
}

/** Appends the model -> logits (N, V), or (B, C) of a classifier. */
export function gpt2(layers: Layers, config: Gpt2Config, inputs: ModelInputs): Value {
  const { builder, weights } = layers
  const words = embedding(layers, 'transformer.wte', inputs.inputIds)
  const start = builder.op('Add', [words, positionEmbedding(layers, 'transformer.wpe')]) // (N, D)
  const mask = additiveMask(layers, { causal: true, attentionMask: inputs.attentionMask }) // after the check of its length
  const last = Array.from({ length: config.layers }, (_, index) => `transformer.h.${index}`).reduce(
    (hidden, path) => block(layers, config, path, hidden, mask),
    start,
  )
  const hidden = layerNorm(layers, 'transformer.ln_f', last, config.layerNormEpsilon)
  if (config.classifier !== undefined) return rowClasses(layers, config.classifier, { hidden, inputs })
  const head = weights.find('lm_head.weight') ?? weights.get('transformer.wte.weight')
  return builder.op('Gemm', [wantedStates(layers, hidden), head], {
    attributes: { transB: int(1) },
    module: 'lm_head',
    name: 'lm_head',
  })
}

function block(
  layers: Layers,
  config: Gpt2Config,
  path: string,
  hidden: Value,
  mask: Value | undefined,
): Value {
  const { builder } = layers
  const normed = layerNorm(layers, `${path}.ln_1`, hidden, config.layerNormEpsilon)
  const fused = conv1d(layers, `${path}.attn.c_attn`, normed) // (N, 3 D)
  const parts = builder.ops('Split', [fused], {
    attributes: { axis: int(1), num_outputs: int(3) },
    outputs: 3,
  })
  const [query, key, value] = parts.map((part) => splitHeads(layers, part, config.heads)) as [
    Value,
    Value,
    Value,
  ]
  const width = query.shape[3] as number
  const attended = attention(layers, {
    query,
    key,
    value,
    mask,
    scale: config.scaleAttention ? 1 / Math.sqrt(width) : 1,
  })
  const projected = conv1d(layers, `${path}.attn.c_proj`, mergeHeads(layers, attended))
  const middle = builder.op('Add', [projected, hidden])
  const wide = conv1d(
    layers,
    `${path}.mlp.c_fc`,
    layerNorm(layers, `${path}.ln_2`, middle, config.layerNormEpsilon),
  )
  const narrow = conv1d(layers, `${path}.mlp.c_proj`, activation(layers, config.activation, wide))
  return builder.op('Add', [middle, narrow])
}
