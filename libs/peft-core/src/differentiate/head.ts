/**
 * The head of a model: the operators that make logits from a hidden state, a row at a time. Logits are by far the widest
 * value of a language model; made for some rows at a time, they never have to be in memory all at once.
 *
 * Sizes used below: N = rows, V = classes, D = width of the hidden state.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { type Graph, intOf, type Node, sizeOf, type Value } from '../graph/graph.js'
import { algebra } from './rules/algebra.js'

export interface Head {
  /** In topological order; each gives something for every row and class. */
  readonly nodes: readonly Node[]
  /** What the nodes read that differs from row to row, with any leading axes (N, ...). */
  readonly perRow: readonly string[]
  /** The logits (..., V). */
  readonly logits: string
  readonly rows: number
}

const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'FusedMatMul'])
const elementwise: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Tanh',
  'Neg',
  'Cast',
  'Reshape',
])

type Part = 'wide' | 'per row' | 'shared'

/** The head that ends in these logits; undefined when an operator of it does not keep rows apart. */
export function findHead(graph: Graph, logits: Value): Head | undefined {
  const classes = logits.shape.at(-1) as number
  const rows = sizeOf(logits.shape) / classes
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const shapeOf = (name: string): readonly number[] => graph.types.get(name)?.shape ?? []
  const partOf = (name: string): Part => {
    const shape = shapeOf(name)
    const width = shape.at(-1) ?? 1
    if (sizeOf(shape) === width) return rows === 1 && !graph.weights.has(name) ? 'per row' : 'shared'
    return width === classes ? 'wide' : 'per row'
  }
  const inputParts = (node: Node): readonly (readonly [string, Part])[] | undefined => {
    const [left, right, addend] = node.inputs as [string, string, string?]
    if (products.has(node.op)) {
      const isPlain =
        intOf(node, 'transA', 0) === 0 && shapeOf(left).length >= 2 && shapeOf(right).length === 2
      if (!isPlain) return undefined
      const sum = addend === undefined ? [] : [[addend, partOf(addend)] as const]
      return [[left, 'per row'], [right, 'shared'], ...sum]
    }
    if (node.op === 'Reshape') return [[left, 'wide']]
    return elementwise.has(node.op) ? node.inputs.map((name) => [name, partOf(name)] as const) : undefined
  }
  const nodes: Node[] = []
  const perRow = new Set<string>()
  const seen = new Set<string>()
  const visit = (name: string): boolean => {
    if (seen.has(name)) return true
    seen.add(name)
    const node = producers.get(name)
    const parts = node && inputParts(node)
    const shape = shapeOf(name)
    if (
      node === undefined ||
      parts === undefined ||
      shape.at(-1) !== classes ||
      sizeOf(shape) !== rows * classes
    )
      return false
    for (const [input, part] of parts) {
      if (part === 'per row' && sizeOf(shapeOf(input).slice(0, -1)) !== rows) return false
      if (part === 'per row') perRow.add(input)
      if (part === 'wide' && !visit(input)) return false
    }
    nodes.push(node)
    return true
  }
  return visit(logits.name) ? { nodes, perRow: [...perRow], logits: logits.name, rows } : undefined
}

/** Appends a head once for each number of rows, which sum to all of them -> logits (n, V) each. */
export function appendHead(builder: GraphBuilder, head: Head, counts: readonly number[]): readonly Value[] {
  const { reshape, integers } = algebra(builder)
  const parts = head.perRow.map((name) => {
    const value = builder.value(name)
    const matrix = reshape(value, [head.rows, value.shape.at(-1) as number])
    return [name, builder.ops('Split', [matrix, integers(counts)], { outputs: counts.length })] as const
  })
  return counts.map((_, index) => {
    const made = new Map(parts.map(([name, chunks]) => [name, chunks[index] as Value]))
    const read = (name: string, isMatrix: boolean): Value => {
      const value = made.get(name) ?? builder.value(name)
      return isMatrix || made.has(name) ? value : reshape(value, [sizeOf(value.shape)])
    }
    for (const node of head.nodes) {
      const [output] = node.outputs as [string]
      if (node.op === 'Reshape') {
        made.set(output, read(node.inputs[0] as string, true))
        continue
      }
      const inputs = node.inputs.map((name, at) => read(name, products.has(node.op) && at === 1))
      const { attributes, domain } = node
      made.set(output, builder.op(node.op, inputs, { attributes, domain }))
    }
    return made.get(head.logits) as Value
  })
}
