/**
 * Phi 1, 1.5 and 2: attention and feed-forward side by side after one normalisation, biases, rotary positions on a part
 * of each head.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/phi/modeling_phi.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, type DecoderConfig, decoder, decoderConfig } from './decoder.js'
import { type Fields, numberOf, refuse } from './fields.js'
import { activation, type Layers, layerNorm, linear, splitHeads } from './layers.js'
import { llamaNames, llamaPaths } from './llama.js'
import { rotaryAttention } from './self-attention.js'

export interface PhiConfig extends DecoderConfig {
  readonly layerNormEpsilon: number
}

export const phiFamily: Family = (fields) => {
  const config = phiConfig(fields)
  return llamaNames(config, (layers, inputs) => phi(layers, config, inputs))
}

export function phiConfig(given: Fields): PhiConfig {
  const fields = { hidden_act: 'gelu_new', ...given }
  refuse(fields, 'qk_layernorm', true)
  return {
    ...decoderConfig(fields, { theta: 10_000, fraction: 0.5 }),
    layerNormEpsilon: numberOf(fields, 'layer_norm_eps', 1e-5),
  }
}

/** Appends the model -> logits (N, V). */
function phi(layers: Layers, config: PhiConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => layerNorm(layers, path, x, config.layerNormEpsilon)
  const block = ({ path, hidden, ...rest }: Block): Value => {
    const x = norm(`${path}.input_layernorm`, hidden)
    const attended = attentionOf(layers, config, { ...rest, path, hidden: x })
    const wide = activation(layers, config.activation, linear(layers, `${path}.mlp.fc1`, x, true))
    const fed = linear(layers, `${path}.mlp.fc2`, wide, true)
    return builder.op('Add', [builder.op('Add', [hidden, attended]), fed])
  }
  const parts = { config, block, headBias: true, ...llamaPaths }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.final_layernorm', hidden) }, inputs)
}

/** For the normalised `hidden` (N, D) -> (N, D). */
function attentionOf(layers: Layers, config: PhiConfig, { path, hidden, ...block }: Block): Value {
  const heads = (name: string, count: number): Value =>
    splitHeads(layers, linear(layers, `${path}.self_attn.${name}`, hidden, true), count)
  const attended = rotaryAttention(layers, config, {
    query: heads('q_proj', config.heads),
    key: heads('k_proj', config.keyValueHeads),
    value: heads('v_proj', config.keyValueHeads),
    block,
  })
  return linear(layers, `${path}.self_attn.dense`, attended, true)
}
