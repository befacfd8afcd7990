/**
 * Layers that a model applies several times, as ALBERT and DeBERTa-v2 do: the TorchScript exporter numbers the applications
 * (`query`, `query_1`, …), and it as torch.export may store the matrix once for each.
 * @module
 */
import { readWeight } from '../graph/constant.js'
import type { Graph } from '../graph/graph.js'
import type { LinearLayer } from './modules.js'

/** The layers, with the path and the weight of the first application for each further one of the same matrix. */
export function joinRepeated(graph: Graph, layers: readonly LinearLayer[]): readonly LinearLayer[] {
  const byPath = new Map(layers.toReversed().map((layer) => [layer.path, layer]))
  return layers.map((layer) => {
    const first = byPath.get(layer.path.replace(/_\d+(?=\.|$)/g, '')) ?? byPath.get(layer.path)
    if (first === undefined || first === layer || !isSame(graph, first, layer)) return layer
    const copy = layer.weight === first.weight ? {} : { copy: layer.weight }
    return { ...layer, ...copy, path: first.path, weight: first.weight }
  })
}

function isSame({ weights }: Graph, first: LinearLayer, other: LinearLayer): boolean {
  if (first.weight === other.weight) return true
  const [one, two] = [weights.get(first.weight), weights.get(other.weight)]
  if (one === undefined || two === undefined) return false
  const isAlike =
    one.element === two.element &&
    one.shape.join() === two.shape.join() &&
    first.weightLayout === other.weightLayout
  return isAlike && Buffer.compare(readWeight(one.data), readWeight(two.data)) === 0
}
