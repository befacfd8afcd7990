/**
 * Which nodes of a model are needed, and in which order they can be computed.
 * @module
 */
import { OnnxError } from './onnx-error.js'
import type { OnnxNode, OnnxSubgraph } from './onnx-model.js'

/**
 * The nodes that the wanted outputs depend on, each after those that it depends on: the model's order where it is
 * one already, as it should be and not always is.
 */
export function liveNodes(nodes: readonly OnnxNode[], outputs: readonly string[]): readonly OnnxNode[] {
  const producers = new Map(
    nodes.flatMap((node) => node.outputs.filter((name) => name !== '').map((name) => [name, node] as const)),
  )
  const states = new Map<OnnxNode, 'waiting' | 'placed'>()
  const ordered: OnnxNode[] = []
  const stack = outputs.flatMap((name) => producers.get(name) ?? []).reverse()
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const needed = readBy(node).flatMap((name) => producers.get(name) ?? [])
    const missing = needed.filter((other) => states.get(other) !== 'placed')
    if (states.get(node) === undefined) {
      states.set(node, 'waiting')
      const looped = missing.find((other) => states.get(other) === 'waiting')
      if (looped !== undefined)
        throw new OnnxError('malformed', `node "${looped.name}" depends on its own output`)
      stack.push(...missing.toReversed())
      continue
    }
    stack.pop()
    if (states.get(node) === 'placed') continue
    states.set(node, 'placed')
    ordered.push(node)
  }
  const places = new Map(nodes.map((node, at) => [node, at]))
  const sorted = ordered.toSorted((a, b) => (places.get(a) as number) - (places.get(b) as number))
  return isOrdered(sorted, producers) ? sorted : ordered
}

function isOrdered(nodes: readonly OnnxNode[], producers: ReadonlyMap<string, OnnxNode>): boolean {
  const given = new Set<string>()
  return nodes.every((node) => {
    for (const name of node.outputs) given.add(name)
    return readBy(node).every((name) => !producers.has(name) || given.has(name))
  })
}

/** The values that a node reads, those that only its branches read included. */
function readBy(node: OnnxNode): readonly string[] {
  if (node.subgraphs === undefined || node.subgraphs.size === 0) return node.inputs
  return [...node.inputs, ...[...node.subgraphs.values()].flatMap(capturedBy)]
}

/** The values of the graph around it that a branch reads. */
function capturedBy(graph: OnnxSubgraph): readonly string[] {
  const inside = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  return [...graph.nodes.flatMap(readBy), ...graph.outputs].filter((name) => name !== '' && !inside.has(name))
}
