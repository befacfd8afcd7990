/**
 * GPT-NeoX and Pythia: rotary positions on a part of each head, attention and feed-forward side by side, biases.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/gpt_neox/modeling_gpt_neox.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, type DecoderConfig, decoder, decoderConfig } from './decoder.js'
import { type Fields, flagOf, numberOf } from './fields.js'
import { activation, type Layers, layerNorm, linear, splitHeads } from './layers.js'
import { decoderHead } from './row-classes.js'
import { rotaryAttention } from './self-attention.js'

export interface GptNeoxConfig extends DecoderConfig {
  readonly layerNormEpsilon: number
  /** Whether the projections of attention have biases; those of the feed-forward layer always do. */
  readonly attentionBias: boolean
  /** Whether attention and feed-forward read the same state, instead of one after the other. */
  readonly isParallel: boolean
}

export const gptNeoxFamily: Family = (fields) => {
  const config = gptNeoxConfig(fields)
  return {
    prefix: 'gpt_neox.',
    ...decoderHead(config.classifier),
    hasTokenTypes: false,
    positions: () => config.positions,
    forward: (layers, inputs) => gptNeox(layers, config, inputs),
  }
}

export function gptNeoxConfig(given: Fields): GptNeoxConfig {
  const fields = { hidden_act: 'gelu', ...given, num_key_value_heads: null, head_dim: null }
  const rope = {
    theta: numberOf(given, 'rotary_emb_base', 10_000),
    fraction: numberOf(given, 'rotary_pct', 0.25),
  }
  return {
    ...decoderConfig(fields, rope),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-5),
    attentionBias: flagOf(fields, 'attention_bias', true),
    isParallel: flagOf(fields, 'use_parallel_residual', true),
  }
}

/** Appends the model -> logits (N, V). */
function gptNeox(layers: Layers, config: GptNeoxConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => layerNorm(layers, path, x, config.layerNormEpsilon)
  const block = ({ path, hidden, ...rest }: Block): Value => {
    const first = norm(`${path}.input_layernorm`, hidden)
    const attended = attentionOf(layers, config, { ...rest, path, hidden: first })
    const middle = builder.op('Add', [hidden, attended])
    const second = norm(`${path}.post_attention_layernorm`, config.isParallel ? hidden : middle)
    const wide = activation(
      layers,
      config.activation,
      linear(layers, `${path}.mlp.dense_h_to_4h`, second, true),
    )
    return builder.op('Add', [middle, linear(layers, `${path}.mlp.dense_4h_to_h`, wide, true)])
  }
  const parts = { config, block, embedding: 'gpt_neox.embed_in', blocks: 'gpt_neox.layers' }
  return decoder(layers, { ...parts, norm: (hidden) => norm('gpt_neox.final_layer_norm', hidden) }, inputs)
}

/** For the normalised `hidden` (N, D) -> (N, D). Each head has its query, key and value side by side. */
function attentionOf(layers: Layers, config: GptNeoxConfig, { path, hidden, ...block }: Block): Value {
  const fused = linear(layers, `${path}.attention.query_key_value`, hidden, config.attentionBias) // (N, H 3 W)
  const [query, key, value] = layers.builder.ops('Split', [splitHeads(layers, fused, config.heads)], {
    attributes: { axis: int(3), num_outputs: int(3) },
    outputs: 3,
  }) as [Value, Value, Value]
  const attended = rotaryAttention(layers, config, { query, key, value, block })
  return linear(layers, `${path}.attention.dense`, attended, config.attentionBias)
}
