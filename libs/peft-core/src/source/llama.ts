/**
 * Llama, Mistral, Qwen 2, Qwen 3 and SmolLM3: rotary positions, RMS normalisation, gated feed-forward, fewer key/value heads than
 * query heads.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/llama/modeling_llama.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs, TextArchitecture } from './architecture.js'
import {
  type Block,
  type DecoderConfig,
  decoder,
  decoderConfig,
  sameWindows,
  windowsByLayer,
} from './decoder.js'
import { gatedFeedForward } from './feed-forward.js'
import { countOf, type Fields, flagOf, listOf, numberOf } from './fields.js'
import { type Layers, rmsNorm } from './layers.js'
import { decoderHead } from './row-classes.js'
import { type SelfAttentionConfig, selfAttention } from './self-attention.js'

export interface LlamaConfig extends DecoderConfig, SelfAttentionConfig {
  readonly rmsNormEpsilon: number
  readonly feedForwardBias: boolean
}

export const llamaFamily: Family = (fields) => languageModel(llamaConfig(fields))
export const mistralFamily: Family = (fields) => languageModel(mistralConfig(fields))
export const qwen2Family: Family = (fields) => languageModel(qwen2Config(fields))
export const qwen3Family: Family = (fields) => languageModel(qwen3Config(fields))
export const smolLm3Family: Family = (fields) => languageModel(smolLm3Config(fields))

/** A family whose tensors are named as those of Llama. */
export function llamaNames(
  config: Pick<DecoderConfig, 'positions' | 'classifier'>,
  forward: TextArchitecture['forward'],
): ReturnType<Family> {
  return {
    prefix: 'model.',
    ...decoderHead(config.classifier),
    hasTokenTypes: false,
    positions: () => config.positions,
    forward,
  }
}

/** Where Llama, and the families named as it is, keep the embedding and the blocks. */
export const llamaPaths = { embedding: 'model.embed_tokens', blocks: 'model.layers' } as const

const languageModel = (config: LlamaConfig): ReturnType<Family> =>
  llamaNames(config, (layers, inputs) => llama(layers, config, inputs))

export function llamaConfig(fields: Fields): LlamaConfig {
  const bias = flagOf(fields, 'attention_bias', false)
  return {
    ...decoderConfig(fields, { theta: 10_000 }),
    projectionBias: bias,
    outputBias: bias,
    headNormEpsilon: null,
    rmsNormEpsilon: numberOf(fields, 'rms_norm_eps', 1e-6),
    feedForwardBias: flagOf(fields, 'mlp_bias', false),
  }
}

export function mistralConfig(given: Fields): LlamaConfig {
  const fields = { num_key_value_heads: 8, sliding_window: 4096, ...given }
  const config = llamaConfig({ ...fields, attention_bias: false, mlp_bias: false })
  return { ...config, windows: sameWindows(fields, config.layers) }
}

export function qwen2Config(fields: Fields): LlamaConfig {
  const config = llamaConfig({ ...fields, attention_bias: false, mlp_bias: false })
  return { ...config, projectionBias: true, windows: lateWindows(fields, config.layers) }
}

export function qwen3Config(given: Fields): LlamaConfig {
  const fields = { head_dim: 128, ...given }
  const config = llamaConfig({ ...fields, mlp_bias: false })
  return {
    ...config,
    headNormEpsilon: config.rmsNormEpsilon,
    windows: lateWindows(fields, config.layers),
  }
}

/** Every few layers know no positions; those are the ones that may look back less far. */
export function smolLm3Config(given: Fields): LlamaConfig {
  const fields = { tie_word_embeddings: true, rope_theta: 2e6, num_key_value_heads: 4, ...given }
  const config = llamaConfig(fields)
  const every = countOf(fields, 'no_rope_layer_interval', 4)
  const turns = listOf(fields, 'no_rope_layers').map((flag) => flag === 1 || flag === true) // 1 where they are turned
  const used = turns.length > 0 ? turns : config.windows.map((_, layer) => (layer + 1) % every !== 0)
  const cuts = given.use_sliding_window === true && given.sliding_window != null
  const windows = cuts ? windowsByLayer(fields, config.layers, (layer) => !used[layer]) : config.windows
  return { ...config, turns: used, windows }
}

/** Where Qwen looks back less far at all, the layers from `max_window_layers` on do. */
function lateWindows(given: Fields, layers: number): DecoderConfig['windows'] {
  const fields = { sliding_window: 4096, ...given }
  if (given.use_sliding_window !== true || fields.sliding_window === null)
    return new Array<null>(layers).fill(null)
  const first = numberOf(fields, 'max_window_layers', 28)
  return windowsByLayer(fields, layers, (layer) => layer >= first)
}

/** Appends the model -> logits (N, V). */
export function llama(layers: Layers, config: LlamaConfig, inputs: ModelInputs): Value {
  const feedForward = (path: string, x: Value): Value =>
    gatedFeedForward(layers, { path, x, activation: config.activation, bias: config.feedForwardBias })
  return llamaDecoder(layers, config, { inputs, feedForward })
}

export interface LlamaParts {
  readonly inputs: ModelInputs
  /** The module at `path` (`model.layers.0.mlp`) of a layer for x (N, D) -> (N, D). */
  feedForward(path: string, x: Value, layer: number): Value
  /** Another normalisation than Llama's. */
  readonly norm?: typeof rmsNorm
  readonly embeddingScale?: number
}

/** Llama with other parts -> logits (N, V). */
export function llamaDecoder(
  layers: Layers,
  config: Omit<LlamaConfig, 'feedForwardBias'>,
  { inputs, feedForward, norm: normalise = rmsNorm, ...scale }: LlamaParts,
): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => normalise(layers, path, x, config.rmsNormEpsilon)
  const block = ({ path, hidden, index, ...rest }: Block): Value => {
    const x = norm(`${path}.input_layernorm`, hidden)
    const attended = selfAttention(layers, config, { path: `${path}.self_attn`, x, block: rest })
    const middle = builder.op('Add', [hidden, attended])
    const second = norm(`${path}.post_attention_layernorm`, middle)
    return builder.op('Add', [middle, feedForward(`${path}.mlp`, second, index)])
  }
  const parts = { config, block, ...llamaPaths, ...scale }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.norm', hidden) }, inputs)
}
