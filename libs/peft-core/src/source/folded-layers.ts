/**
 * Layers whose product with a constant an optimiser may have computed. DeBERTa-v2 applies `query_proj` and `key_proj` to
 * its tokens and to its relative embeddings; onnxruntime stores the second product as a constant, which no adapter reaches.
 * What shows it is a product of a layer's output with a constant that is no layer's matrix: q C^T, where C may be what a
 * layer beside q's made of a constant.
 * @module
 */
import type { Graph, Node } from '../graph/graph.js'
import type { LinearLayer } from './modules.js'

/** What moves or scales numbers: the first input's, or those of the other input when one is a weight. */
const PASSING: ReadonlySet<string> = new Set([
  ...['Reshape', 'Transpose', 'Tile', 'Expand', 'Cast', 'Identity', 'Unsqueeze', 'Squeeze', 'Slice', 'Split'],
  ...['Add', 'Mul', 'Div'],
])

/** The layers, with the name of the constant for those whose further product it may hold. */
export function markFolded(graph: Graph, layers: readonly LinearLayer[]): readonly LinearLayer[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const byNode = new Map(layers.map((layer) => [layer.node, layer]))
  const folded = new Map<string, string>()
  for (const node of graph.nodes) {
    if (byNode.has(node.name) || (node.op !== 'MatMul' && node.op !== 'FusedMatMul')) continue
    for (const [one = '', other = ''] of [node.inputs, node.inputs.toReversed()]) {
      const constant = sourceOf(graph, producers, one)
      const layer = byNode.get(producers.get(sourceOf(graph, producers, other))?.name ?? '')
      if (layer !== undefined && isTable(graph, constant)) folded.set(placeOf(layer), constant)
    }
  }
  if (folded.size === 0) return layers
  return layers.map((layer) => {
    const constant = folded.get(placeOf(layer))
    return constant === undefined ? layer : { ...layer, folded: constant }
  })
}

/** RangeError when an adapter of the layer would miss a product that is stored as a constant. */
export function expectWhole({ path, folded }: Pick<LinearLayer, 'path' | 'folded'>): void {
  if (folded === undefined) return
  throw new RangeError(
    `module ${path} cannot be adapted: its attention multiplies by the constant "${folded}", which may hold what the module made of fixed inputs (as of DeBERTa's relative positions) before the export; use the model as exported, not as an optimiser saved it`,
  )
}

/** The value that others are made of by moving and scaling alone. */
function sourceOf(graph: Graph, producers: ReadonlyMap<string, Node>, name: string): string {
  const producer = producers.get(name)
  if (producer === undefined || !PASSING.has(producer.op)) return name
  const [first = '', second = ''] = producer.inputs
  if (!['Add', 'Mul', 'Div'].includes(producer.op)) return sourceOf(graph, producers, first)
  if (graph.weights.has(second)) return sourceOf(graph, producers, first)
  return graph.weights.has(first) ? sourceOf(graph, producers, second) : name
}

/** Whether a value is a weight of floating-point numbers with several rows. */
function isTable({ weights }: Graph, name: string): boolean {
  const weight = weights.get(name)
  if (weight === undefined || !/float/.test(weight.element)) return false
  return weight.shape.filter((side) => side > 1).length > 1
}

/** Where a layer stands, and how wide it is: those beside it are multiplied with each other. */
const placeOf = ({ path, outFeatures }: LinearLayer): string =>
  `${path.split('.').slice(0, -1).join('.')} ${outFeatures}`
