import type { GraphBuilder } from '../graph/builder.js'
import { floatOf, type Graph, intOf, ints, type Node, type Value } from '../graph/graph.js'
import { withPlainNodes } from './plain-nodes.js'

/**
 * A graph without FusedMatMul: onnxruntime has a kernel of it for the processor only, and would carry both factors there
 * and the product back. A product with one matrix becomes a Gemm, of the rows of all others; what is transposed in a product
 * of many matrices is transposed before.
 */
export const withPlainProducts = (graph: Graph): Graph =>
  withPlainNodes(graph, ({ op }) => op === 'FusedMatMul', appendProduct)

function appendProduct(builder: GraphBuilder, node: Node): void {
  const [left, right] = node.inputs.map(builder.value) as [Value, Value]
  const isTransposed = intOf(node, 'transA', 0) === 1
  const oneMatrix = right.shape.length === 2 && left.shape.length >= 2
  if (oneMatrix && (left.shape.length === 2 || !isTransposed)) appendGemm(builder, node, [left, right])
  else appendMatMul(builder, node, [left, right])
}

/** (..., M, K) (K, N) as (... M, K) (K, N). */
function appendGemm(builder: GraphBuilder, node: Node, [left, right]: readonly [Value, Value]): void {
  const gemm = { ...node, op: 'Gemm', domain: '' } as const
  if (left.shape.length === 2) {
    builder.append(gemm)
    return
  }
  const inner = left.shape.at(-1) as number
  const columns = right.shape[intOf(node, 'transB', 0) === 1 ? 0 : 1] as number
  const rows = builder.op('Reshape', [left, builder.constant([-1, inner], 'int64')])
  const product = builder.op('Gemm', [rows, right], { attributes: gemm.attributes })
  const shape = builder.constant([...left.shape.slice(0, -1), columns], 'int64')
  finish(builder, node, 'Reshape', [product, shape])
}

function appendMatMul(builder: GraphBuilder, node: Node, [left, right]: readonly [Value, Value]): void {
  const a = intOf(node, 'transA', 0) === 1 ? transposed(builder, left) : left
  const b = intOf(node, 'transB', 0) === 1 ? transposed(builder, right) : right
  const alpha = floatOf(node, 'alpha', 1)
  const scaled = alpha === 1 ? a : builder.op('Mul', [a, builder.constant(alpha, a.element)])
  finish(builder, node, 'MatMul', [scaled, b])
}

function transposed(builder: GraphBuilder, x: Value): Value {
  const order = x.shape.map((_, axis) => axis)
  const last = order.length - 1
  const swapped = last < 1 ? order : [...order.slice(0, -2), last, last - 1]
  return builder.op('Transpose', [x], { attributes: { perm: ints(swapped) } })
}

/** The node that gives the output of the one that is replaced. */
function finish(
  builder: GraphBuilder,
  { name, outputs, module }: Node,
  op: string,
  inputs: readonly Value[],
): void {
  const place = module === undefined ? {} : { module }
  const names = inputs.map((input) => input.name)
  builder.append({ name, op, domain: '', inputs: names, outputs, attributes: {}, ...place })
}
