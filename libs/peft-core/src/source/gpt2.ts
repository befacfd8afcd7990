/**
 * GPT-2: learned positions, layer normalisation before each block, one fused projection for query, key and value.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/gpt2/modeling_gpt2.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Gpt2Config } from './config.js'
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

export interface CausalInputs {
  readonly inputIds: Value // (B, T)
  readonly attentionMask: Value | undefined // (B, T)
}

/** Appends the model -> logits (N, V). */
export function gpt2(layers: Layers, config: Gpt2Config, inputs: CausalInputs): Value {
  const { builder, weights } = layers
  const mask = additiveMask(layers, { causal: true, attentionMask: inputs.attentionMask })
  const words = embedding(layers, 'transformer.wte', inputs.inputIds)
  const start = builder.op('Add', [words, positionEmbedding(layers, 'transformer.wpe')]) // (N, D)
  const last = Array.from({ length: config.layers }, (_, index) => `transformer.h.${index}`).reduce(
    (hidden, path) => block(layers, config, path, hidden, mask),
    start,
  )
  const hidden = layerNorm(layers, 'transformer.ln_f', last, config.layerNormEpsilon)
  const head = weights.find('lm_head.weight') ?? weights.get('transformer.wte.weight')
  return builder.op('Gemm', [hidden, head], {
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
