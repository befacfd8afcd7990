/**
 * A frozen matrix in parts of some rows each, used where they lie in its file. Where a matrix is multiplied part by part its
 * rows are looked up in the same parts: read in two ways, its pages would be mapped, and count as memory, twice.
 * @module
 */
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import {
  elementBytes,
  type Graph,
  int,
  intOf,
  type Node,
  sizeOf,
  type Value,
  type Weight,
} from '../graph/graph.js'
import { elementNumbers } from '../operators/elementwise.js'
import { algebra } from './rules/algebra.js'

/** Where parts of the rows begin, and last where the last one ends. */
export type Bounds = readonly number[]

export const boundsOf = (rows: number, parts: number): Bounds =>
  Array.from({ length: parts + 1 }, (_, part) => Math.floor((part * rows) / parts))

/** A part of a frozen value (rows, ...), as it is stored. */
export function frozenPart(builder: GraphBuilder, weight: Weight, bounds: Bounds, part: number): Value {
  const [first, end] = [bounds[part] as number, bounds[part + 1] as number]
  const name = `${weight.name}[${first}:${end}]`
  if (builder.has(name)) return builder.value(name)
  const { element, data } = weight
  const shape = [end - first, ...weight.shape.slice(1)]
  const rowBytes = sizeOf(shape.slice(1)) * elementBytes[element]
  const [from, length] = [first * rowBytes, (end - first) * rowBytes]
  return builder.weight({
    name,
    element,
    shape,
    data:
      data.kind === 'file'
        ? { ...data, offset: data.offset + from, length }
        : { kind: 'bytes', bytes: data.bytes.subarray(from, from + length) },
  })
}

/** Rows of a frozen matrix (V, D) by their numbers (...) -> (..., D) as float32, each from the part that it lies in. */
export function gatherRows(builder: GraphBuilder, weight: Weight, bounds: Bounds, ids: Value): Value {
  const { add, sub, where, apply } = algebra(builder)
  const wide = ids.element === 'int64' ? ids : apply('Cast', ids, { to: int(elementNumbers.int64) })
  const parts = builder.op('Gather', [partNumbers(builder, weight, bounds), wide]) // also refuses what is no row
  const found = bounds.slice(0, -1).map((first, part) => {
    const isHere = builder.op('Equal', [parts, builder.constant(part, 'int32')])
    const from = sub(wide, builder.constant(first, 'int64'))
    const at = builder.op('Where', [isHere, from, builder.constant(0, 'int64')])
    const rows = builder.op('Gather', [frozenPart(builder, weight, bounds, part), at])
    const mask = builder.op('Unsqueeze', [isHere, builder.constant([-1], 'int64')])
    return where(mask, asFloat32(builder, rows), 0)
  })
  return found.reduce((left, right) => add(left, right))
}

/** The part of each row, (V). */
function partNumbers(builder: GraphBuilder, weight: Weight, bounds: Bounds): Value {
  const name = `${weight.name}:part`
  if (builder.has(name)) return builder.value(name)
  const numbers = bounds.slice(0, -1).flatMap((first, part) => {
    return new Array<number>((bounds[part + 1] as number) - first).fill(part)
  })
  const bytes = weightBytes(numbers, 'int32')
  return builder.weight({ name, element: 'int32', shape: [numbers.length], data: { kind: 'bytes', bytes } })
}

/** The same graph, with the rows of a frozen matrix looked up in its parts. */
export function gatherInParts(graph: Graph, weight: Weight, bounds: Bounds): Graph {
  const looksUp = (node: Node): boolean =>
    node.op === 'Gather' && node.inputs[0] === weight.name && intOf(node, 'axis', 0) === 0
  if (!graph.nodes.some(looksUp)) return graph
  const given = new Set([...graph.inputs.map(({ name }) => name), ...graph.weights.keys()])
  const types = new Map([...graph.types].filter(([name]) => given.has(name)))
  const reserved = graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs])
  const builder = createBuilder({ ...graph, nodes: [], types }, { reserved })
  for (const node of graph.nodes) {
    if (!looksUp(node)) {
      builder.append(node)
      continue
    }
    const rows = gatherRows(builder, weight, bounds, builder.value(node.inputs[1] as string))
    const attributes = { to: int(elementNumbers[weight.element]) }
    builder.append({ ...node, op: 'Cast', inputs: [rows.name], attributes })
  }
  return builder.build()
}

export const asFloat32 = (builder: GraphBuilder, x: Value): Value =>
  x.element === 'float32' ? x : algebra(builder).apply('Cast', x, { to: int(elementNumbers.float32) })
