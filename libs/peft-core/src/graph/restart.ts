import { createBuilder, type GraphBuilder } from './builder.js'
import type { Graph } from './graph.js'

/** A builder with the inputs, weights and outputs of a graph, whose nodes are still to be appended. */
export function restartGraph(graph: Graph): GraphBuilder {
  const types = new Map([...graph.inputs, ...graph.weights.values()].map((value) => [value.name, value]))
  const reserved = [...graph.types.keys(), ...graph.nodes.map(({ name }) => name)]
  return createBuilder({ ...graph, nodes: [], types }, { reserved })
}
