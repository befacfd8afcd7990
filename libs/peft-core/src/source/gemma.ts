/**
 * Gemma 1 and 2: embeddings scaled by the square root of the width, RMS normalisation by 1 + w; in Gemma 2 also a
 * normalisation after attention and feed-forward, scores and logits kept within bounds, every other layer with a window.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/gemma2/modeling_gemma2.py
 * @module
 */
import { float, int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, decoder, windowsByLayer } from './decoder.js'
import { gatedFeedForward } from './feed-forward.js'
import { countOf, type Fields, numberOf, refuse, textOf } from './fields.js'
import type { Layers } from './layers.js'
import { type LlamaConfig, llamaConfig, llamaDecoder, llamaNames, llamaPaths } from './llama.js'
import { selfAttention } from './self-attention.js'

export interface GemmaConfig extends LlamaConfig {
  readonly embeddingScale: number
}

export interface Gemma2Config extends GemmaConfig {
  readonly logitCap: number | undefined
}

export const gemmaFamily: Family = (fields) => {
  const config = gemmaConfig(fields)
  return llamaNames(config, (layers, inputs) => gemma(layers, config, inputs))
}

export const gemma2Family: Family = (fields) => {
  const config = gemma2Config(fields)
  return llamaNames(config, (layers, inputs) => gemma2(layers, config, inputs))
}

export function gemmaConfig(given: Fields): GemmaConfig {
  const fields = { head_dim: 256, max_position_embeddings: 8192, tie_word_embeddings: true, ...given }
  refuse(fields, 'use_bidirectional_attention', true)
  const config = llamaConfig({ ...fields, mlp_bias: false })
  return {
    ...config,
    activation: activationOf(textOf(fields, 'hidden_act', 'gelu_pytorch_tanh')),
    embeddingScale: Math.sqrt(countOf(fields, 'hidden_size')),
  }
}

/** The first releases say gelu and mean its approximation. */
const activationOf = (name: string): string => (name === 'gelu' ? 'gelu_pytorch_tanh' : name)

export function gemma2Config(given: Fields): Gemma2Config {
  const fields = { num_key_value_heads: 4, sliding_window: 4096, ...given }
  const config = gemmaConfig(fields)
  const capOf = (name: string, otherwise: number): number | undefined =>
    given[name] === null ? undefined : numberOf(fields, name, otherwise)
  const cuts = fields.sliding_window !== null
  return {
    ...config,
    activation: textOf(fields, 'hidden_activation', 'gelu_pytorch_tanh'),
    scale: numberOf(fields, 'query_pre_attn_scalar', 256) ** -0.5,
    scoreCap: capOf('attn_logit_softcapping', 50),
    logitCap: capOf('final_logit_softcapping', 30),
    windows: cuts ? windowsByLayer(fields, config.layers, (layer) => layer % 2 === 0) : config.windows,
  }
}

/** x / rms(x) * (1 + w) */
function gemmaNorm({ builder, weights }: Layers, path: string, x: Value, epsilon: number): Value {
  const scale = builder.op('Add', [weights.get(`${path}.weight`), builder.constant(1)])
  const attributes = { axis: int(-1), epsilon: float(epsilon) }
  const [output] = builder.ops('SimplifiedLayerNormalization', [x, scale], {
    attributes,
    outputs: 2,
    name: path,
  })
  return output as Value
}

/** Appends the model -> logits (N, V). */
function gemma(layers: Layers, config: GemmaConfig, inputs: ModelInputs): Value {
  const feedForward = (path: string, x: Value): Value =>
    gatedFeedForward(layers, { path, x, activation: config.activation, bias: false })
  const { embeddingScale } = config
  return llamaDecoder(layers, config, { inputs, feedForward, norm: gemmaNorm, embeddingScale })
}

/** Appends the model -> logits (N, V). */
function gemma2(layers: Layers, config: Gemma2Config, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => gemmaNorm(layers, path, x, config.rmsNormEpsilon)
  const block = ({ path, hidden, mask, rotary }: Block): Value => {
    const first = norm(`${path}.input_layernorm`, hidden)
    const call = { path: `${path}.self_attn`, x: first, block: { mask, rotary } }
    const attended = norm(`${path}.post_attention_layernorm`, selfAttention(layers, config, call))
    const middle = builder.op('Add', [hidden, attended])
    const x = norm(`${path}.pre_feedforward_layernorm`, middle)
    const fed = gatedFeedForward(layers, {
      path: `${path}.mlp`,
      x,
      activation: config.activation,
      bias: false,
    })
    return builder.op('Add', [middle, norm(`${path}.post_feedforward_layernorm`, fed)])
  }
  const { embeddingScale, logitCap } = config
  const parts = { config, block, embeddingScale, logitCap, ...llamaPaths }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.norm', hidden) }, inputs)
}
