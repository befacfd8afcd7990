import type { Graph, Node, TensorType } from '../graph/graph.js'
import { operatorOf } from '../operators/registry.js'

const counts: Readonly<Record<string, number>> = { LayerNormalization: 3, SimplifiedLayerNormalization: 2 }

/** A graph whose normalisations between trainable inputs and the loss also give the statistics that the backward pass needs. */
export function withStatistics(graph: Graph, active: ReadonlySet<string>): Graph {
  const types = new Map(graph.types)
  const nodes = graph.nodes.map((node): Node => {
    const count = Object.hasOwn(counts, node.op) ? (counts[node.op] ?? 0) : 0
    const [output] = node.outputs
    if (output === undefined || !active.has(output) || node.outputs.length >= count) return node
    const names = Array.from(
      { length: count },
      (_, index) => node.outputs[index] ?? `${output}:statistic${index}`,
    )
    const inputs = node.inputs.map((name) => (name === '' ? undefined : graph.types.get(name)))
    const inferred = operatorOf(node.op, node.domain).infer({ node, inputs })
    for (const [index, name] of names.entries()) types.set(name, inferred[index] as TensorType)
    return { ...node, outputs: names }
  })
  return { ...graph, nodes, types }
}
