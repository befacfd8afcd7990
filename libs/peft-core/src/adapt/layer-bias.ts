import type { Graph, Node, Weight } from '../graph/graph.js'
import type { LinearLayer } from '../source/modules.js'

/**
 * The name of the node that adds a layer's bias after its matrix product; undefined when the product adds it itself, or
 * there is none. RangeError when the bias is only added after something else: the layer then has no output of its own.
 */
export function biasOf(graph: Graph, { node: name, path, outFeatures }: LinearLayer): string | undefined {
  const product = graph.nodes.find((node) => node.name === name)
  if (product === undefined || (product.inputs[2] ?? '') !== '') return undefined
  const isBias = (value: string): boolean => {
    const shape = graph.types.get(value)?.shape
    return shape?.length === 1 && shape[0] === outFeatures && weightBehind(graph, value) !== undefined
  }
  const next = addAfter(graph, product)
  if (next === undefined || next.inputs.some(isBias)) return next?.name
  if (addAfter(graph, next)?.inputs.some(isBias)) {
    throw new RangeError(
      `module ${path} has its bias added together with the residual; this method needs the layer's own output`,
    )
  }
  return undefined
}

/** The addition that is the only use of a node's output. */
function addAfter({ nodes, outputs }: Graph, { outputs: [output = ''] }: Node): Node | undefined {
  const users = nodes.filter(({ inputs }) => inputs.includes(output))
  const [user] = users
  const isOnly = users.length === 1 && !outputs.some(({ name }) => name === output)
  return isOnly && user?.op === 'Add' ? user : undefined
}

/** The weight that a layer adds as its bias, with its product or after it; undefined when it has none. RangeError as `biasOf`. */
export function biasWeight(graph: Graph, layer: LinearLayer): Weight | undefined {
  const added = biasOf(graph, layer) ?? layer.node
  const node = graph.nodes.find(({ name }) => name === added)
  const names = node?.op === 'Add' ? node.inputs : (node?.inputs.slice(2) ?? [])
  return names.map((name) => weightBehind(graph, name)).find((weight) => weight !== undefined)
}

/** The weight that a value is, seen through casts. */
function weightBehind(graph: Graph, name: string): Weight | undefined {
  const weight = graph.weights.get(name)
  if (weight !== undefined) return weight
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(name))
  return producer?.op === 'Cast' ? weightBehind(graph, producer.inputs[0] ?? '') : undefined
}
