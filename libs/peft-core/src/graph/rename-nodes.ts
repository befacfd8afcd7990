import type { OnnxNode, OnnxSubgraph } from './onnx-model.js'

export interface Renaming {
  /** The new names of some values. */
  readonly names: ReadonlyMap<string, string>
  /** What goes before the name of each other value that the nodes give. */
  readonly prefix: string
}

/** Nodes under names of their own, so that they can stand in another graph. Values that they only read keep their names. */
export function renamed(nodes: readonly OnnxNode[], { names, prefix }: Renaming): readonly OnnxNode[] {
  const own = new Map(names)
  for (const { outputs } of nodes) {
    for (const name of outputs) if (name !== '' && !own.has(name)) own.set(name, `${prefix}/${name}`)
  }
  const rename = (name: string): string => own.get(name) ?? name
  return nodes.map((node) => ({
    ...node,
    name: node.name === '' ? '' : `${prefix}/${node.name}`,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    ...(node.subgraphs === undefined || node.subgraphs.size === 0
      ? {}
      : {
          subgraphs: new Map(
            [...node.subgraphs].map(([name, graph]) => [name, renamedCaptures(graph, rename)]),
          ),
        }),
  }))
}

/** A branch that reads renamed values of the graph around it. */
function renamedCaptures(graph: OnnxSubgraph, rename: (name: string) => string): OnnxSubgraph {
  const inside = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  const captured = (name: string): string => (inside.has(name) ? name : rename(name))
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(captured),
    ...(node.subgraphs === undefined
      ? {}
      : {
          subgraphs: new Map(
            [...node.subgraphs].map(([name, inner]) => [name, renamedCaptures(inner, captured)]),
          ),
        }),
  }))
  return { ...graph, nodes, outputs: graph.outputs.map(captured) }
}
