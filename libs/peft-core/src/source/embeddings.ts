/**
 * The embedding tables of a graph under the names that PyTorch has for them.
 * @module
 */
import { type Graph, intOf, type Node } from '../graph/graph.js'

/** A table (rows, width) of which a node reads the rows that the ids of a batch name. */
export interface EmbeddingLayer {
  /** The module's path: `model.embed_tokens`. */
  readonly path: string
  readonly rows: number
  readonly width: number
  /** The name of the Gather. */
  readonly node: string
  /** The name of the table. */
  readonly weight: string
}

/** Every table that ids of a batch are looked up in. Tables read at fixed positions have no ids, and are not listed. */
export function embeddingLayers(graph: Graph): readonly EmbeddingLayer[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  return graph.nodes.flatMap((node) => {
    const weight = graph.weights.get(tableBehind(producers, node.inputs[0] ?? ''))
    const [rows, width, ...more] = weight?.shape ?? []
    if (node.op !== 'Gather' || weight === undefined || rows === undefined || width === undefined) return []
    const isLookup =
      intOf(node, 'axis', 0) === 0 && more.length === 0 && !graph.weights.has(node.inputs[1] ?? '')
    if (!isLookup || !/^(?:float|bfloat)/.test(weight.element)) return []
    const named = /^(?<path>.+)\.weight$/.exec(weight.name)?.groups?.path
    const inside = node.module === undefined || named?.startsWith(`${node.module}.`) === true
    const path = (inside ? named : node.module) ?? node.name
    return [{ path, rows, width, node: node.name, weight: weight.name }]
  })
}

/** The name of the weight that a value is, seen through casts. */
function tableBehind(producers: ReadonlyMap<string, Node>, name: string): string {
  const producer = producers.get(name)
  const behind = producer?.inputs[0]
  const isCast = producer?.op === 'Cast' || producer?.op === 'Identity'
  return isCast && behind !== undefined ? tableBehind(producers, behind) : name
}
