/**
 * Operators that an exporter wrote in pieces made one node again: fewer nodes, less memory, and the gradient of the whole.
 * A model computes the same numbers up to rounding.
 * @module
 */
import { prune } from './fold.js'
import { type Edges, edgesOf } from './formula.js'
import { fuseActivation } from './fuse-activation.js'
import { fuseNormalisation } from './fuse-normalisation.js'
import { fuseRotary } from './fuse-rotary.js'
import type { Fusion, FusionRule } from './fusion.js'
import type { Graph, Node } from './graph.js'

const rules: readonly FusionRule[] = [fuseNormalisation, fuseActivation, fuseRotary]

/**
 * The graph with one node for each Gelu, SiLU, layer or RMS normalisation and rotary embedding that is written in pieces.
 * Pieces of which something else reads an intermediate value stay as they are.
 */
export function fused(graph: Graph): Graph {
  return rules.reduce(fusedBy, graph)
}

function fusedBy(graph: Graph, rule: FusionRule): Graph {
  const edges = edgesOf(graph)
  const gone = new Set<Node>()
  const made = new Map<Node, Node>()
  const weights = new Map(graph.weights)
  const types = new Map(graph.types)
  for (const node of graph.nodes) {
    const fusion = rule(edges, node)
    if (fusion === undefined || !isClosed(edges, fusion) || [...fusion.nodes].some((one) => gone.has(one)))
      continue
    for (const one of fusion.nodes) gone.add(one)
    const last = edges.producers.get(fusion.result) as Node
    made.set(last, { ...last, ...fusion.node, outputs: [fusion.result] })
    for (const weight of fusion.weights ?? []) {
      weights.set(weight.name, weight)
      types.set(weight.name, { element: weight.element, shape: weight.shape })
    }
  }
  if (made.size === 0) return graph
  const nodes = graph.nodes.flatMap((node) => made.get(node) ?? (gone.has(node) ? [] : [node]))
  return prune({ ...graph, nodes, weights, types })
}

/** Whether nothing outside reads what the pieces compute on the way. */
function isClosed({ users, outputs }: Edges, { nodes, result }: Fusion): boolean {
  return [...nodes].every((node) =>
    node.outputs.every(
      (name) =>
        name === result || (!outputs.has(name) && (users.get(name) ?? []).every((user) => nodes.has(user))),
    ),
  )
}
