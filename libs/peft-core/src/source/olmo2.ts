/**
 * OLMo 2: Llama with the normalisation after attention and feed-forward, and over all query and all key heads together.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/olmo2/modeling_olmo2.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, decoder } from './decoder.js'
import { gatedFeedForward } from './feed-forward.js'
import type { Fields } from './fields.js'
import { type Layers, linear, rmsNorm, splitHeads } from './layers.js'
import { type LlamaConfig, llamaConfig, llamaNames, llamaPaths } from './llama.js'
import { rotaryAttention } from './self-attention.js'

export const olmo2Family: Family = (fields) => {
  const config = olmo2Config(fields)
  return llamaNames(config, (layers, inputs) => olmo2(layers, config, inputs))
}

export const olmo2Config = (fields: Fields): LlamaConfig =>
  llamaConfig({ rms_norm_eps: 1e-5, ...fields, mlp_bias: false })

/** Appends the model -> logits (N, V). */
function olmo2(layers: Layers, config: LlamaConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => rmsNorm(layers, path, x, config.rmsNormEpsilon)
  const block = (call: Block): Value => {
    const { path, hidden } = call
    const attended = norm(`${path}.post_attention_layernorm`, attentionOf(layers, config, call))
    const middle = builder.op('Add', [hidden, attended])
    const feed = { path: `${path}.mlp`, x: middle, activation: config.activation, bias: false }
    const fed = norm(`${path}.post_feedforward_layernorm`, gatedFeedForward(layers, feed))
    return builder.op('Add', [middle, fed])
  }
  const parts = { config, block, ...llamaPaths }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.norm', hidden) }, inputs)
}

/** (N, D) -> (N, D) */
function attentionOf(layers: Layers, config: LlamaConfig, { path, hidden, ...block }: Block): Value {
  const module = `${path}.self_attn`
  const projected = (name: string): Value =>
    linear(layers, `${module}.${name}_proj`, hidden, config.projectionBias)
  const normed = (name: string): Value =>
    rmsNorm(layers, `${module}.${name}_norm`, projected(name), config.rmsNormEpsilon)
  const attended = rotaryAttention(layers, config, {
    query: splitHeads(layers, normed('q'), config.heads),
    key: splitHeads(layers, normed('k'), config.keyValueHeads),
    value: splitHeads(layers, projected('v'), config.keyValueHeads),
    block,
  })
  return linear(layers, `${module}.o_proj`, attended, config.outputBias)
}
