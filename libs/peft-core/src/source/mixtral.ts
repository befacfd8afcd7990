/**
 * Mixtral: Mistral with sparse experts in every layer.
 * Reference: https://github.com/huggingface/transformers/blob/main/src/transformers/models/mixtral/modeling_mixtral.py
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Family, ModelInputs } from './architecture.js'
import { sameWindows } from './decoder.js'
import { type ExpertsConfig, expectNoRouterLoss, sparseExperts } from './experts.js'
import { countOf, type Fields } from './fields.js'
import type { Layers } from './layers.js'
import { type LlamaConfig, llamaConfig, llamaDecoder, llamaNames } from './llama.js'

export type MixtralConfig = LlamaConfig & ExpertsConfig

export const mixtralFamily: Family = (fields) => {
  const config = mixtralConfig(fields)
  return llamaNames(config, (layers, inputs) => mixtral(layers, config, inputs))
}

export function mixtralConfig(given: Fields): MixtralConfig {
  expectNoRouterLoss(given)
  const fields = { num_key_value_heads: 8, rms_norm_eps: 1e-5, rope_theta: 1e6, ...given }
  const config = llamaConfig({ ...fields, attention_bias: false, mlp_bias: false })
  return {
    ...config,
    windows: sameWindows(fields, config.layers),
    experts: countOf(fields, 'num_local_experts', 8),
    expertsPerToken: countOf(fields, 'num_experts_per_tok', 2),
    normalises: true,
  }
}

/** Appends the model -> logits (N, V). */
function mixtral(layers: Layers, config: MixtralConfig, inputs: ModelInputs): Value {
  const feedForward = (path: string, x: Value): Value => sparseExperts(layers, config, { path, x })
  return llamaDecoder(layers, config, { inputs, feedForward })
}
