/**
 * Qwen 2 and Qwen 3 with sparse experts in some or all layers; in Qwen 2 beside one expert that every token goes through.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen2_moe/modeling_qwen2_moe.py
 * and https://github.com/huggingface/transformers/blob/main/src/transformers/models/qwen3_moe/modeling_qwen3_moe.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { sameWindows, windowsByLayer } from './decoder.js'
import { type ExpertsConfig, expectNoRouterLoss, sparseExperts } from './experts.js'
import { gatedFeedForward } from './feed-forward.js'
import { countOf, type Fields, flagOf, listOf, numberOf } from './fields.js'
import { type Layers, linear } from './layers.js'
import { type LlamaConfig, llamaConfig, llamaDecoder, llamaNames } from './llama.js'

export interface QwenMoeConfig extends LlamaConfig, ExpertsConfig {
  /** For each layer, whether its feed-forward layer is sparse. */
  readonly sparse: readonly boolean[]
  /** Whether sparse layers have an expert that every token goes through. */
  readonly sharesExpert: boolean
}

export const qwen2MoeFamily: Family = (fields) => languageModel(qwen2MoeConfig(fields))
export const qwen3MoeFamily: Family = (fields) => languageModel(qwen3MoeConfig(fields))

const languageModel = (config: QwenMoeConfig): ReturnType<Family> =>
  llamaNames(config, (layers, inputs) => qwenMoe(layers, config, inputs))

export function qwen2MoeConfig(given: Fields): QwenMoeConfig {
  const fields = { num_experts: 60, num_experts_per_tok: 4, sliding_window: 4096, ...given }
  const config = llamaConfig({ ...fields, attention_bias: false, mlp_bias: false })
  const last = numberOf(fields, 'max_window_layers', 28)
  return {
    ...config,
    ...expertsOf(fields, config),
    projectionBias: flagOf(fields, 'qkv_bias', true),
    windows: usesWindows(fields)
      ? windowsByLayer(fields, config.layers, (layer) => layer % 2 === 0 && layer < last)
      : config.windows,
    sharesExpert: true,
  }
}

export function qwen3MoeConfig(given: Fields): QwenMoeConfig {
  const experts = given.num_local_experts ?? 128
  const defaults = { num_experts_per_tok: 8, num_key_value_heads: 4, sliding_window: 4096 }
  const fields = { num_experts: experts, ...defaults, ...given }
  const config = llamaConfig({ ...fields, mlp_bias: false })
  return {
    ...config,
    ...expertsOf(fields, config),
    headNormEpsilon: config.rmsNormEpsilon,
    windows: usesWindows(fields) ? sameWindows(fields, config.layers) : config.windows,
    sharesExpert: false,
  }
}

const usesWindows = (fields: Fields): boolean =>
  fields.use_sliding_window === true && fields.sliding_window !== null

function expertsOf(
  fields: Fields,
  { layers, activation }: LlamaConfig,
): ExpertsConfig & Pick<QwenMoeConfig, 'sparse'> {
  expectNoRouterLoss(fields)
  const [dense, step] = [listOf(fields, 'mlp_only_layers'), countOf(fields, 'decoder_sparse_step', 1)]
  return {
    experts: countOf(fields, 'num_experts'),
    expertsPerToken: countOf(fields, 'num_experts_per_tok'),
    normalises: flagOf(fields, 'norm_topk_prob', false),
    activation,
    sparse: Array.from({ length: layers }, (_, layer) => !dense.includes(layer) && (layer + 1) % step === 0),
  }
}

/** Appends the model -> logits (N, V). */
function qwenMoe(layers: Layers, config: QwenMoeConfig, inputs: ModelInputs): Value {
  const { builder } = layers
  const dense = (path: string, x: Value): Value =>
    gatedFeedForward(layers, { path, x, activation: config.activation, bias: false })
  const feedForward = (path: string, x: Value, layer: number): Value => {
    if (!config.sparse[layer]) return dense(path, x)
    const routed = sparseExperts(layers, config, { path, x })
    if (!config.sharesExpert) return routed
    const gate = builder.op('Sigmoid', [linear(layers, `${path}.shared_expert_gate`, x, false)]) // (N, 1)
    const shared = builder.op('Mul', [dense(`${path}.shared_expert`, x), gate])
    return builder.op('Add', [routed, shared])
  }
  return llamaDecoder(layers, config, { inputs, feedForward })
}
