/**
 * Phi-3: Llama with one projection for query, key and value, and one for gate and up.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/phi3/modeling_phi3.py
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { type Block, type DecoderConfig, decoder, decoderConfig, sameWindows } from './decoder.js'
import { type Fields, numberOf } from './fields.js'
import { activation, type Layers, linear, rmsNorm, splitHeads } from './layers.js'
import { llamaNames, llamaPaths } from './llama.js'
import { rotaryAttention } from './self-attention.js'

export interface Phi3Config extends DecoderConfig {
  readonly rmsNormEpsilon: number
}

export const phi3Family: Family = (fields) => {
  const config = phi3Config(fields)
  return llamaNames(config, (layers, inputs) => phi3(layers, config, inputs))
}

export function phi3Config(given: Fields): Phi3Config {
  const fields = { max_position_embeddings: 4096, original_max_position_embeddings: 4096, ...given }
  const config = decoderConfig(fields, { theta: 10_000, fraction: 1 })
  return {
    ...config,
    rmsNormEpsilon: numberOf(fields, 'rms_norm_eps', 1e-5),
    windows: sameWindows(fields, config.layers),
  }
}

/** Appends the model -> logits (N, V). */
function phi3(layers: Layers, config: Phi3Config, inputs: ModelInputs): Value {
  const { builder } = layers
  const norm = (path: string, x: Value): Value => rmsNorm(layers, path, x, config.rmsNormEpsilon)
  const block = ({ path, hidden, ...rest }: Block): Value => {
    const first = norm(`${path}.input_layernorm`, hidden)
    const middle = builder.op('Add', [hidden, attentionOf(layers, config, { ...rest, path, hidden: first })])
    const second = norm(`${path}.post_attention_layernorm`, middle)
    return builder.op('Add', [middle, feedForward(layers, config, `${path}.mlp`, second)])
  }
  const parts = { config, block, ...llamaPaths }
  return decoder(layers, { ...parts, norm: (hidden) => norm('model.norm', hidden) }, inputs)
}

/** For the normalised `hidden` (N, D) -> (N, D). */
function attentionOf(layers: Layers, config: Phi3Config, { path, hidden, ...block }: Block): Value {
  const fused = linear(layers, `${path}.self_attn.qkv_proj`, hidden, false) // (N, (H + 2 K) W)
  const counts = [config.heads, config.keyValueHeads, config.keyValueHeads]
  const [query, key, value] = parts(
    layers,
    fused,
    counts.map((count) => count * config.headWidth),
  ).map((part, at) => splitHeads(layers, part, counts[at] as number)) as [Value, Value, Value]
  const attended = rotaryAttention(layers, config, { query, key, value, block })
  return linear(layers, `${path}.self_attn.o_proj`, attended, false)
}

function feedForward(layers: Layers, config: Phi3Config, path: string, x: Value): Value {
  const { builder } = layers
  const fused = linear(layers, `${path}.gate_up_proj`, x, false) // (N, 2 F)
  const half = (fused.shape[1] as number) / 2
  const [gate, up] = parts(layers, fused, [half, half]) as [Value, Value]
  const gated = builder.op('Mul', [up, activation(layers, config.activation, gate)])
  return linear(layers, `${path}.down_proj`, gated, false)
}

/** x (N, sum of widths) in pieces of these widths. */
function parts({ builder }: Layers, x: Value, widths: readonly number[]): readonly Value[] {
  const attributes = { axis: int(1) }
  return builder.ops('Split', [x, builder.constant(widths, 'int64')], { attributes, outputs: widths.length })
}
