/**
 * The last touches on a backward pass: sums are made inside matrix products, operators that nobody reads are dropped,
 * and gradients get their names.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import { float, floatOf, type Graph, int, intOf, type Node, sameShape, type Value } from '../graph/graph.js'

/** Replaces the nodes from `firstBackward` on, and appends each gradient as an output under its name. */
export function finishGradients(
  graph: Graph,
  firstBackward: number,
  gradients: readonly (readonly [string, Value])[],
): Graph {
  const forward = graph.nodes.slice(0, firstBackward)
  const kept = new Set(gradients.map(([, { name }]) => name))
  const sums = sumInProducts(dropUnread(graph.nodes.slice(firstBackward), kept), graph.types, kept)
  const made = new Set(sums.flatMap(({ outputs }) => outputs))
  const names = new Map<string, string>()
  for (const [name, value] of gradients) {
    if (made.has(value.name) && !names.has(value.name)) names.set(value.name, name)
  }
  const renamed = (name: string): string => names.get(name) ?? name
  const builder = createBuilder(withoutNodes({ ...graph, nodes: forward }, forward))
  for (const node of sums) {
    builder.append({ ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) })
  }
  for (const [name, value] of gradients) {
    if (!builder.has(name)) {
      const inputs = [renamed(value.name)]
      builder.append({ name, op: 'Identity', domain: '', inputs, outputs: [name], attributes: {} })
    }
    builder.output(builder.value(name))
  }
  return withoutUnreadWeights(builder.build())
}

function withoutUnreadWeights(graph: Graph): Graph {
  const read = new Set([
    ...graph.nodes.flatMap(({ inputs }) => inputs),
    ...graph.outputs.map(({ name }) => name),
  ])
  return { ...graph, weights: new Map([...graph.weights].filter(([name]) => read.has(name))) }
}

/** A graph that knows only the types of its inputs, weights and the outputs of these nodes. */
function withoutNodes(graph: Graph, nodes: readonly Node[]): Graph {
  const given = new Set(nodes.flatMap(({ outputs }) => outputs))
  const isInput = new Set(graph.inputs.map(({ name }) => name))
  const types = [...graph.types].filter(
    ([name]) => given.has(name) || isInput.has(name) || graph.weights.has(name),
  )
  return { ...graph, types: new Map(types) }
}

function dropUnread(nodes: readonly Node[], kept: ReadonlySet<string>): readonly Node[] {
  const read = new Set(kept)
  const used: Node[] = []
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => read.has(name))) continue
    used.push(node)
    for (const name of node.inputs) read.add(name)
  }
  return used.reverse()
}

/**
 * A sum of a matrix product and a matrix becomes one Gemm, which adds while it multiplies. The product moves down to
 * where the sum was; nothing else reads it.
 */
function sumInProducts(
  nodes: readonly Node[],
  types: Graph['types'],
  kept: ReadonlySet<string>,
): readonly Node[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const readers = new Map<string, number>()
  for (const name of nodes.flatMap(({ inputs }) => inputs)) readers.set(name, (readers.get(name) ?? 0) + 1)
  const shapeOf = (name: string): readonly number[] => types.get(name)?.shape ?? []
  const canTake = (product: Node | undefined, addend: string): product is Node => {
    const [output] = product?.outputs ?? []
    if (product === undefined || output === undefined || !isPlainProduct(product)) return false
    const matrices = product.inputs.every((name) => shapeOf(name).length === 2)
    return (
      matrices &&
      readers.get(output) === 1 &&
      !kept.has(output) &&
      sameShape(shapeOf(output), shapeOf(addend))
    )
  }
  const dropped = new Set<Node>()
  const replaced = nodes.map((node): Node => {
    const [left, right] = node.inputs
    if (node.op !== 'Add' || left === undefined || right === undefined) return node
    const choices = [
      [left, right],
      [right, left],
    ] as const
    const found = choices.find(([product, addend]) => canTake(producers.get(product), addend))
    const product = found && producers.get(found[0])
    if (found === undefined || product === undefined) return node
    dropped.add(product)
    const gemm = { ...asGemm(product, found[1]), name: node.name, outputs: node.outputs }
    for (const output of node.outputs) producers.set(output, gemm)
    return gemm
  })
  return replaced.filter((node) => !dropped.has(node))
}

function isPlainProduct({ op, inputs }: Node): boolean {
  return op === 'MatMul' || op === 'FusedMatMul' || (op === 'Gemm' && inputs.length === 2)
}

function asGemm(product: Node, addend: string): Node {
  const attributes = {
    transA: int(intOf(product, 'transA', 0)),
    transB: int(intOf(product, 'transB', 0)),
    alpha: float(floatOf(product, 'alpha', 1)),
  }
  return { ...product, op: 'Gemm', domain: '', inputs: [...product.inputs.slice(0, 2), addend], attributes }
}
