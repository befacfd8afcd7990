import type { Graph, Value } from './graph.js'

/** The graph with a value under another name; one that has the name already makes way. */
export function renameValue(graph: Graph, from: string, to: string): Graph {
  if (from === to || !graph.types.has(from)) return graph
  const taken = `${to}'`
  const rename = (name: string): string => (name === from ? to : name === to ? taken : name)
  const renamed = (value: Value): Value => ({ ...value, name: rename(value.name) })
  return {
    inputs: graph.inputs.map(renamed),
    outputs: graph.outputs.map(renamed),
    weights: new Map(
      [...graph.weights].map(([name, weight]) => [rename(name), { ...weight, name: rename(name) }]),
    ),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    types: new Map([...graph.types].map(([name, type]) => [rename(name), type])),
  }
}
