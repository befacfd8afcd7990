/**
 * StableLM: Llama with layer normalisation and rotary positions on a part of each head; attention and feed-forward may
 * stand side by side.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/stablelm/modeling_stablelm.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, type DecoderConfig, decoder, decoderConfig } from './decoder.js'
import { gatedFeedForward } from './feed-forward.js'
import { type Fields, flagOf, numberOf, refuse } from './fields.js'
import { type Layers, layerNorm } from './layers.js'
import { llamaNames, llamaPaths } from './llama.js'
import { type SelfAttentionConfig, selfAttention } from './self-attention.js'

export interface StableLmConfig extends DecoderConfig, SelfAttentionConfig {
  readonly layerNormEpsilon: number
  /** Whether attention and feed-forward read the same state, instead of one after the other. */
  readonly isParallel: boolean
}

export const stableLmFamily: Family = (fields) => {
  const config = stableLmConfig(fields)
  return llamaNames(config, (layers, inputs) => stableLm(layers, config, inputs))
}

export function stableLmConfig(given: Fields): StableLmConfig {
  const fields = { num_key_value_heads: 32, max_position_embeddings: 4096, ...given }
  refuse(fields, 'qk_layernorm', true)
  return {
    ...decoderConfig(fields, { theta: 10_000, fraction: 0.25 }),
    projectionBias: flagOf(fields, 'use_qkv_bias', false),
    outputBias: false,
    headNormEpsilon: null,
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-5),
    isParallel: flagOf(fields, 'use_parallel_residual', false),
  }
}

/** Appends the model -> logits (N, V). */
function stableLm(layers: Layers, config: StableLmConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => layerNorm(layers, path, x, config.layerNormEpsilon)
  const block = ({ path, hidden, ...rest }: Block): Value => {
    const first = norm(`${path}.input_layernorm`, hidden)
    const attended = selfAttention(layers, config, { path: `${path}.self_attn`, x: first, block: rest })
    const middle = builder.op('Add', [hidden, attended])
    const x = config.isParallel ? first : norm(`${path}.post_attention_layernorm`, middle)
    const call = { path: `${path}.mlp`, x, activation: config.activation, bias: false }
    return builder.op('Add', [middle, gatedFeedForward(layers, call)])
  }
  const parts = { config, block, ...llamaPaths }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.norm', hidden) }, inputs)
}
