/**
 * Queries, keys and values that an exporter multiplies as one matrix, as the linear layers that PyTorch has for them.
 * onnxruntime-genai packs `q_proj`, `k_proj` and `v_proj` into `qkv_proj`; its outputs are the three, one after another:
 * with x (N, I) and W (Q + K + V, I), x W^T = [q | k | v], so a change of q_proj alone is added to q alone.
 * @module
 */
import { axisOf, type Graph, intOf, type Node } from '../graph/graph.js'
import type { LinearLayer } from './modules.js'

export interface Separated {
  readonly graph: Graph
  readonly modules: readonly LinearLayer[]
}

/** What onnxruntime-genai calls the product; PyTorch's own packed projections are in `self_attn`. */
const GENAI_PACKED = /\/attn\/qkv_proj\//

const PARTS = ['q_proj', 'k_proj', 'v_proj'] as const

/**
 * The graph with a node for each part of a packed projection, where an adapter can be inserted, and the parts in the
 * place of the packed layer. The packed matrix stays as it is; a part has none of its own that could be read.
 */
export function separateProjections(graph: Graph, modules: readonly LinearLayer[]): Separated {
  const parts = new Map<string, readonly LinearLayer[]>()
  const nodes = new Map<string, readonly Node[]>()
  for (const layer of modules) {
    const split = GENAI_PACKED.test(layer.node) ? splitAfter(graph, layer) : undefined
    if (split === undefined) continue
    parts.set(layer.node, partsOf(graph, layer, split))
    nodes.set(split.name, namedParts(split))
  }
  if (parts.size === 0) return { graph, modules }
  return {
    graph: {
      ...graph,
      types: typesWithParts(graph, nodes),
      nodes: graph.nodes.flatMap((node) => nodes.get(node.name) ?? [node]),
    },
    modules: modules.flatMap((layer) => parts.get(layer.node) ?? [layer]),
  }
}

/** The node that takes a layer's output (and its bias) apart along the last axis, if nothing else reads it. */
function splitAfter(graph: Graph, layer: LinearLayer): Node | undefined {
  const product = graph.nodes.find(({ name }) => name === layer.node)
  let value = product?.outputs[0]
  for (;;) {
    const users = graph.nodes.filter(({ inputs }) => value !== undefined && inputs.includes(value))
    const [user, ...others] = users
    if (user === undefined || value === undefined || others.length > 0) return undefined
    if (user.op === 'Split') return isThreefold(graph, user, value) ? user : undefined
    if (user.op !== 'Add' || !user.inputs.some((name) => graph.weights.has(name))) return undefined
    value = user.outputs[0]
  }
}

function isThreefold(graph: Graph, split: Node, value: string): boolean {
  const rank = graph.types.get(value)?.shape.length ?? 0
  return split.outputs.length === PARTS.length && axisOf(intOf(split, 'axis', 0), rank) === rank - 1
}

const packed = (name: string): string => `${name}:packed`

function partsOf(graph: Graph, layer: LinearLayer, split: Node): readonly LinearLayer[] {
  const product = graph.nodes.find(({ name }) => name === layer.node)
  return split.outputs.map((output, at) => ({
    ...layer,
    path: layer.path.replace(/qkv_proj$/, PARTS[at] as string),
    outFeatures: graph.types.get(output)?.shape.at(-1) as number,
    node: `${output}:part`,
    weight: `${layer.weight}[${PARTS[at]}]`,
    input: product?.inputs[0] as string,
  }))
}

/** The split, and a node for each of its outputs. */
function namedParts(split: Node): readonly Node[] {
  const identities = split.outputs.map(
    (output): Node => ({
      name: `${output}:part`,
      op: 'Identity',
      domain: '',
      inputs: [packed(output)],
      outputs: [output],
      attributes: {},
      ...(split.module === undefined ? {} : { module: split.module }),
    }),
  )
  return [{ ...split, outputs: split.outputs.map(packed) }, ...identities]
}

function typesWithParts(graph: Graph, nodes: ReadonlyMap<string, readonly Node[]>): Graph['types'] {
  const added = [...nodes.values()].flatMap(([, ...identities]) =>
    identities.flatMap(({ inputs, outputs }) => {
      const type = graph.types.get(outputs[0] as string)
      return type === undefined ? [] : [[inputs[0] as string, type] as const]
    }),
  )
  return new Map([...graph.types, ...added])
}
