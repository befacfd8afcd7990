/**
 * Sparse mixture of experts: each token goes through the few feed-forward layers that a router picks for it.
 * Paper: https://arxiv.org/abs/2101.03961; reference:
 * https://github.com/huggingface/transformers/blob/main/src/transformers/models/mixtral/modeling_mixtral.py
 *
 * Sizes used below: N = tokens, D = width, E = experts, F = width of an expert.
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import { expertModule } from './expert-parameters.js'
import { activation, type Layers } from './layers.js'

export interface ExpertsConfig {
  readonly experts: number
  readonly expertsPerToken: number
  /** Whether the probabilities of the experts that are picked are scaled to sum to 1. */
  readonly normalises: boolean
  readonly activation: string
}

export interface ExpertsCall {
  /** The module's path: `model.layers.0.mlp`. */
  readonly path: string
  readonly x: Value // (N, D)
}

/** The weighted sum of the experts that the router picks for each token -> (N, D) */
export function sparseExperts(layers: Layers, config: ExpertsConfig, call: ExpertsCall): Value {
  const { builder } = layers
  const columns = builder.ops('Split', [routing(layers, config, call)], {
    attributes: { axis: int(1), num_outputs: int(config.experts) },
    outputs: config.experts,
  }) // E times (N, 1)
  return columns
    .map((weight, expert) => builder.op('Mul', [expertOf(layers, config, { ...call, expert }), weight]))
    .reduce((sum, part) => builder.op('Add', [sum, part]))
}

/** The weight of each expert for each token, (N, E): 0 for those that are not picked. */
function routing({ builder, weights }: Layers, config: ExpertsConfig, { path, x }: ExpertsCall): Value {
  const scores = builder.op('Gemm', [x, weights.get(`${path}.gate.weight`)], {
    attributes: { transB: int(1) },
    module: expertModule(`${path}.gate.weight`, 0),
    name: `${path}.gate`,
  })
  const probabilities = builder.op('Softmax', [scores], { attributes: { axis: int(-1) } })
  const count = builder.constant([config.expertsPerToken], 'int64')
  const [values, indices] = builder.ops('TopK', [probabilities, count], {
    attributes: { axis: int(-1) },
    outputs: 2,
  }) as [Value, Value]
  const total = (): Value => builder.op('ReduceSum', [values, builder.constant([1], 'int64')])
  const picked = config.normalises ? builder.op('Div', [values, total()]) : values
  const none = builder.op('Expand', [builder.constant(0), builder.constant(scores.shape, 'int64')])
  return builder.op('ScatterElements', [none, indices, picked], { attributes: { axis: int(1) } })
}

interface OneExpert extends ExpertsCall {
  readonly expert: number
}

/** down(activation(gate x) * up x) -> (N, D) */
function expertOf(layers: Layers, config: ExpertsConfig, { path, x, expert }: OneExpert): Value {
  const { builder } = layers
  const matrix = { path: `${path}.experts`, expert }
  const both = product(layers, { ...matrix, x, parameter: 'gate_up_proj', parts: ['gate_proj', 'up_proj'] }) // (N, 2 F)
  const halves = { attributes: { axis: int(1), num_outputs: int(2) }, outputs: 2 }
  const [gate, up] = builder.ops('Split', [both], halves) as [Value, Value]
  const gated = builder.op('Mul', [activation(layers, config.activation, gate), up])
  return product(layers, { ...matrix, x: gated, parameter: 'down_proj', parts: ['down_proj'] })
}

interface Product extends OneExpert {
  /** The stack of all experts' matrices. */
  readonly parameter: string
  /** The tensors that one expert's matrix is put together of in a checkpoint that keeps each expert by itself. */
  readonly parts: readonly string[]
}

/** x times one expert's matrix of a stacked parameter, whether the checkpoint has the stack or each expert by itself. */
function product(layers: Layers, { path, parameter, expert, parts, x }: Product): Value {
  const { builder, weights } = layers
  const module = expertModule(`${path}.${parameter}`, expert)
  const times = (weight: Value): Value =>
    builder.op('Gemm', [x, weight], { attributes: { transB: int(1) }, module, name: module })
  const slice = weights.slice(`${path}.${parameter}`, expert)
  if (slice !== undefined) return times(slice)
  const [first, ...others] = parts.map((part) => times(weights.get(`${path}.${expert}.${part}.weight`)))
  if (first === undefined || others.length === 0) return first as Value
  return builder.op('Concat', [first, ...others], { attributes: { axis: int(1) }, module, name: module })
}
