import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import type { Graph, Node } from '../graph/graph.js'

/** Appends what stands for a node; the last nodes give the node's outputs their own names. */
export type AppendPlain = (builder: GraphBuilder, node: Node) => void

/** A graph with other nodes in place of those that a runtime's device has no right or no fast kernel for. */
export function withPlainNodes(
  graph: Graph,
  isReplaced: (node: Node) => boolean,
  appendPlain: AppendPlain,
): Graph {
  if (!graph.nodes.some(isReplaced)) return graph
  const { inputs, weights } = graph
  const types = new Map(
    [...inputs, ...weights.values()].map(({ name, element, shape }) => [name, { element, shape }]),
  )
  const reserved = [...graph.types.keys(), ...graph.nodes.map(({ name }) => name)]
  const builder = createBuilder({ inputs, outputs: [], weights, nodes: [], types }, { reserved })
  for (const node of graph.nodes) {
    if (isReplaced(node)) appendPlain(builder, node)
    else builder.append(node)
  }
  for (const { name } of graph.outputs) builder.output(builder.value(name))
  return builder.build()
}
