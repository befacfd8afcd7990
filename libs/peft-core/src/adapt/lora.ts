/**
 * Low-rank adaptation of linear layers: y = W x + scaling * B (A x), with W frozen and A, B as graph inputs.
 * Paper: https://arxiv.org/abs/2106.09685
 *
 * Sizes used below: N = tokens, I = inputs, O = outputs, R = rank.
 * @module
 */
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { float, type Graph, int, intOf, type Node, type Value } from '../graph/graph.js'
import type { LinearLayer } from '../source/modules.js'

/** The pair of factors to insert at one module; the keys are the names of the graph inputs that carry them. */
export interface LoraPair {
  readonly path: string
  readonly rank: number
  readonly scaling: number
  readonly keyA: string // (R, I)
  readonly keyB: string // (O, R)
}

/**
 * A graph with the pairs inserted. RangeError when a pair names a module that the graph does not have, or when
 * a module is applied twice (its gradient would then be a sum that PEFT does not know either).
 */
export function insertLora(graph: Graph, modules: readonly LinearLayer[], pairs: readonly LoraPair[]): Graph {
  const byNode = new Map(pairs.map((pair) => [moduleOf(modules, pair.path).node, pair]))
  const sizes = new Map(modules.map((module) => [module.node, module]))
  const { nodes, ...rest } = graph
  const frozenTypes = new Map(
    [...graph.inputs, ...graph.weights.values()].map((value) => [value.name, value]),
  )
  const builder = createBuilder({ ...rest, nodes: [], types: frozenTypes })
  for (const node of nodes) {
    const pair = byNode.get(node.name)
    const module = sizes.get(node.name)
    if (pair === undefined || module === undefined) builder.append(node)
    else appendAdapted(builder, node, module, pair)
  }
  return builder.build()
}

function moduleOf(modules: readonly LinearLayer[], path: string): LinearLayer {
  const found = modules.filter((module) => module.path === path)
  const [module] = found
  if (module === undefined) {
    const names = modules.slice(0, 4).map((candidate) => candidate.path)
    throw new RangeError(
      `the adapter has factors for "${path}"; the model has no linear layer of that name (it has ${names.join(', ')}, …)`,
    )
  }
  if (found.length > 1) {
    throw new RangeError(
      `the model applies ${found.length} matrices as linear layer "${path}"; a pair of factors adapts one`,
    )
  }
  return module
}

function appendAdapted(builder: GraphBuilder, node: Node, module: LinearLayer, pair: LoraPair): void {
  if (intOf(node, 'transA', 0) === 1)
    throw new RangeError(`module ${pair.path} transposes its input; LoRA cannot be inserted`)
  const [output, input] = [node.outputs[0] as string, node.inputs[0] as string]
  const [frozen] = builder.append({ ...node, outputs: [`${output}:frozen`, ...node.outputs.slice(1)] }) as [
    Value,
  ]
  const x = builder.value(input) // (N, I), or more axes
  const a = builder.input(pair.keyA, 'float32', [pair.rank, module.inFeatures])
  const b = builder.input(pair.keyB, 'float32', [module.outFeatures, pair.rank])
  const contrib = { domain: 'com.microsoft', module: pair.path } as const
  const low = builder.op('FusedMatMul', [x, a], { ...contrib, attributes: { transB: int(1) } }) // (N, R)
  const attributes = { transB: int(1), alpha: float(pair.scaling) }
  const named = { name: `${output}:adapted`, outputs: [output], module: pair.path }
  if (frozen.shape.length === 2) {
    const inputs = [low.name, b.name, frozen.name]
    builder.append({ ...named, op: 'Gemm', domain: '', inputs, attributes })
    return
  }
  const change = builder.op('FusedMatMul', [low, b], { ...contrib, attributes })
  builder.append({ ...named, op: 'Add', domain: '', inputs: [frozen.name, change.name], attributes: {} })
}
