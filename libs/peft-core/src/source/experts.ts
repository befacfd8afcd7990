/**
 * Sparse mixture of experts: each token goes through the few feed-forward layers that a router picks for it.
 * Paper: https://arxiv.org/abs/2101.03961; reference:
 * https://github.com/huggingface/transformers/blob/main/src/transformers/models/mixtral/modeling_mixtral.py
 *
 * Sizes used below: N = tokens, D = width, E = experts, F = width of an expert.
 * @module
 */
import { int, sizeOf, type Value } from '../graph/graph.js'
import { elementNumbers } from '../operators/elementwise.js'
import { UNEVEN } from '../operators/parts.js'
import { expertModule } from './expert-parameters.js'
import { type Fields, numberOf, refuse } from './fields.js'
import { activation, type Layers } from './layers.js'

export interface ExpertsConfig {
  readonly experts: number
  readonly expertsPerToken: number
  /** Whether the probabilities of the experts that are picked are scaled to sum to 1. */
  readonly normalises: boolean
  readonly activation: string
}

/** RangeError when a model would add a loss of its routers to that of its predictions, which is not built. */
export function expectNoRouterLoss(fields: Fields): void {
  if (numberOf(fields, 'router_aux_loss_coef', 0.001) !== 0) refuse(fields, 'output_router_logits', true)
}

export interface ExpertsCall {
  /** The module's path: `model.layers.0.mlp`. */
  readonly path: string
  readonly x: Value // (N, D)
}

/**
 * The weighted sum of the experts that the router picks for each token -> (N, D). Each expert computes for its own tokens
 * only: a copy of each token for each of its experts is brought in the order of the experts, split, and brought back.
 */
export function sparseExperts(layers: Layers, config: ExpertsConfig, call: ExpertsCall): Value {
  const { builder } = layers
  const [tokens, width] = call.x.shape as [number, number]
  const count = config.expertsPerToken
  const copies = tokens * count
  const { weights, experts } = routing(layers, config, call)
  const { places, order, sizes } = grouping(layers, config, experts)
  const reshape = (x: Value, shape: readonly number[]): Value =>
    builder.op('Reshape', [x, builder.constant(shape, 'int64')])
  const each = builder.op('Expand', [
    reshape(call.x, [tokens, 1, width]),
    builder.constant([tokens, count, width], 'int64'),
  ])
  const grouped = moved(layers, reshape(each, [copies, width]), places)
  const groups = builder.ops('Split', [grouped, sizes], {
    attributes: { axis: int(0), [UNEVEN]: int(1) },
    outputs: config.experts,
  })
  const results = groups.map((x, expert) => expertOf(layers, config, { path: call.path, x, expert }))
  const together = builder.op('Concat', results, { attributes: { axis: int(0) } }) // (N count, D)
  const weighted = builder.op('Mul', [
    reshape(moved(layers, together, order), [tokens, count, width]),
    reshape(weights, [tokens, count, 1]),
  ])
  return builder.op('ReduceSum', [weighted, builder.constant([1], 'int64')], {
    attributes: { keepdims: int(0) },
  })
}

interface Routing {
  readonly weights: Value // (N, count)
  readonly experts: Value // (N, count), int64
}

/** The experts that the router picks for each token, and their weights. */
function routing({ builder, weights }: Layers, config: ExpertsConfig, { path, x }: ExpertsCall): Routing {
  const scores = builder.op('Gemm', [x, weights.get(`${path}.gate.weight`)], {
    attributes: { transB: int(1) },
    module: expertModule(`${path}.gate.weight`, 0),
    name: `${path}.gate`,
  }) // (N, E)
  const probabilities = builder.op('Softmax', [scores], { attributes: { axis: int(-1) } })
  const count = builder.constant([config.expertsPerToken], 'int64')
  const attributes = { axis: int(-1) }
  const [values, experts] = builder.ops('TopK', [probabilities, count], { attributes, outputs: 2 }) as [
    Value,
    Value,
  ]
  if (!config.normalises) return { weights: values, experts }
  const total = builder.op('ReduceSum', [values, builder.constant([1], 'int64')])
  return { weights: builder.op('Div', [values, total]), experts }
}

interface Grouping {
  /** Where each copy goes, so that those of one expert lie together: (N count). */
  readonly places: Value
  /** The copy at each of these places: (N count). */
  readonly order: Value
  /** How many copies each expert has: (E). */
  readonly sizes: Value
}

function grouping({ builder }: Layers, config: ExpertsConfig, experts: Value): Grouping {
  const copies = sizeOf(experts.shape)
  const numbers = (count: number): readonly number[] => [...new Array(count).keys()]
  const flat = builder.op('Reshape', [experts, builder.constant([copies], 'int64')])
  const rising = (keys: Value): Value => {
    const attributes = { axis: int(0), largest: int(0) }
    const count = builder.constant([copies], 'int64')
    return builder.ops('TopK', [keys, count], { attributes, outputs: 2 })[1] as Value
  }
  const byExpert = builder.op('Mul', [flat, builder.constant(copies, 'int64')])
  const order = rising(builder.op('Add', [byExpert, builder.constant(numbers(copies), 'int64')]))
  const column = builder.op('Reshape', [flat, builder.constant([copies, 1], 'int64')])
  const chosen = builder.op('Equal', [column, builder.constant(numbers(config.experts), 'int64')]) // (N count, E)
  const ones = builder.op('Cast', [chosen], { attributes: { to: int(elementNumbers.int64) } })
  const sizes = builder.op('ReduceSum', [ones, builder.constant([0], 'int64')], {
    attributes: { keepdims: int(0) },
  })
  return { places: rising(order), order, sizes }
}

/** The rows of x (R, D), each moved to its place (R). */
function moved({ builder }: Layers, x: Value, places: Value): Value {
  const rows = builder.op('Reshape', [places, builder.constant([x.shape[0] as number, 1], 'int64')])
  const empty = builder.op('Expand', [builder.constant(0), builder.constant(x.shape, 'int64')])
  return builder.op('ScatterND', [empty, rows, x])
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
