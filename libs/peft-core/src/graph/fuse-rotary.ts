/**
 * Rotary position embedding written as x cos + [-x2, x1] sin, where x1 and x2 are the halves of x and the tables are known.
 * Paper: https://arxiv.org/abs/2104.09864
 * @module
 */
import { constantFromWeight, weightBytes } from './constant.js'
import type { Edges } from './formula.js'
import type { Fusion } from './fusion.js'
import { axisOf, type Graph, int, intOf, type Node, sameShape, type Weight } from './graph.js'

/** One node for the rotation whose sum is `node`. */
export function fuseRotary(edges: Edges, node: Node): Fusion | undefined {
  const result = node.outputs[0] ?? ''
  const shape = edges.graph.types.get(result)?.shape ?? []
  if (node.op !== 'Add' || shape.length !== 4 || edges.graph.types.get(result)?.element !== 'float32')
    return undefined
  for (const [left, right] of [node.inputs, node.inputs.toReversed()]) {
    const [plain, turned] = [productOf(edges, left), productOf(edges, right)]
    const turn = turned && turnOf(edges, turned.value)
    if (plain === undefined || turned === undefined || turn?.x !== plain.value) continue
    if (!sameShape(edges.graph.types.get(turn.x)?.shape ?? [], shape)) continue
    const cosines = halfTable(edges.graph, plain.table, shape, `${result}:cosines`)
    const sines = halfTable(edges.graph, turned.table, shape, `${result}:sines`)
    if (cosines === undefined || sines === undefined) continue
    const first: Weight = {
      name: `${result}:first`,
      element: 'int64',
      shape: [1],
      data: { kind: 'bytes', bytes: weightBytes([0], 'int64') },
    }
    const inputs = [turn.x, first.name, cosines.name, sines.name]
    return {
      nodes: new Set([node, plain.node, turned.node, ...turn.nodes]),
      result,
      node: { op: 'RotaryEmbedding', domain: 'com.microsoft', inputs, attributes: { interleaved: int(0) } },
      weights: [first, cosines, sines],
    }
  }
  return undefined
}

interface Product {
  readonly node: Node
  readonly value: string
  readonly table: Weight
}

/** A product of a value and a weight. */
function productOf({ graph, producers }: Edges, name: string | undefined): Product | undefined {
  const node = producers.get(name ?? '')
  if (node?.op !== 'Mul') return undefined
  const table = node.inputs.map((input) => graph.weights.get(input)).find((weight) => weight !== undefined)
  const value = node.inputs.find((input) => !graph.weights.has(input))
  return table === undefined || value === undefined ? undefined : { node, value, table }
}

/** The value x whose halves were exchanged, the second negated, to give a value. */
function turnOf(
  edges: Edges,
  name: string,
): { readonly x: string; readonly nodes: readonly Node[] } | undefined {
  const { graph, producers } = edges
  const joined = producers.get(name)
  const rank = graph.types.get(name)?.shape.length ?? 0
  if (
    joined?.op !== 'Concat' ||
    joined.inputs.length !== 2 ||
    axisOf(intOf(joined, 'axis', 0), rank) !== rank - 1
  )
    return undefined
  const negated = producers.get(joined.inputs[0] ?? '')
  if (negated?.op !== 'Neg') return undefined
  const second = halfOf(edges, negated.inputs[0] ?? '')
  const first = halfOf(edges, joined.inputs[1] ?? '')
  if (first?.at !== 0 || second?.at !== 1 || first.x !== second.x) return undefined
  return { x: first.x, nodes: [joined, negated, ...new Set([first.node, second.node])] }
}

interface Half {
  readonly node: Node
  readonly x: string
  readonly at: 0 | 1
}

/** Which half of which value a value is, along the last axis. */
function halfOf({ graph, producers }: Edges, name: string): Half | undefined {
  const node = producers.get(name)
  const x = node?.inputs[0] ?? ''
  const [whole, half] = [graph.types.get(x)?.shape ?? [], graph.types.get(name)?.shape ?? []]
  const last = whole.length - 1
  const side = whole[last] ?? 0
  if (node === undefined || side % 2 !== 0 || !sameShape(half, whole.with(last, side / 2))) return undefined
  if (node.op === 'Split') {
    const at = node.outputs.indexOf(name)
    const isLast = axisOf(intOf(node, 'axis', 0), whole.length) === last && node.outputs.length === 2
    return isLast && (at === 0 || at === 1) ? { node, x, at } : undefined
  }
  if (node.op !== 'Slice') return undefined
  const [start, axis, step] = [1, 3, 4].map((at) => onlyNumber(graph, node.inputs[at]))
  const isWhole = axis !== undefined && axisOf(axis, whole.length) === last && (step ?? 1) === 1
  if (!isWhole || (node.inputs.length > 4 && step === undefined)) return undefined
  if (start === 0) return { node, x, at: 0 }
  return start === side / 2 || start === -side / 2 ? { node, x, at: 1 } : undefined
}

function onlyNumber(graph: Graph, name: string | undefined): number | undefined {
  const weight = name === undefined ? undefined : graph.weights.get(name)
  return weight?.shape.length === 1 && weight.shape[0] === 1 ? constantFromWeight(weight).data[0] : undefined
}

/** The table of the first half of the width, (T, D / 2), when both halves are the same for every row and head. */
function halfTable(graph: Graph, table: Weight, shape: readonly number[], name: string): Weight | undefined {
  const [length, width] = shape.slice(-2) as [number, number]
  const last = table.shape.slice(-2)
  if (!sameShape(last, [length, width]) || table.shape.slice(0, -2).some((side) => side !== 1))
    return undefined
  if (table.element !== 'float32' || table.data.kind !== 'bytes' || graph.weights.has(name)) return undefined
  const { data } = constantFromWeight(table)
  const isSame = data.every((x, at) => at % width < width / 2 || x === data[at - width / 2])
  if (!isSame) return undefined
  const half = data.filter((_, at) => at % width < width / 2)
  const bytes = weightBytes(half, 'float32')
  return { name, element: 'float32', shape: [length, width / 2], data: { kind: 'bytes', bytes } }
}
