/**
 * Gradients of factors example by example, and the clipped sum of them, which changes by at most the bound when an example
 * is added or taken away. Paper: https://arxiv.org/abs/1607.00133
 *
 * A factor is read by one product, Y = alpha X W^T over rows that belong to examples in order, so the gradient of an example
 * is the product of its own rows: for all of them, one batched product. They are small, N (R I + O R) numbers for a layer.
 *
 * Sizes used below: N = examples, T = rows of an example, I = inputs, O = outputs, P = numbers of a parameter.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { floatOf, intOf, type Node, sameShape, sizeOf, type Value } from '../graph/graph.js'
import { algebra } from './rules/algebra.js'

/** The graph input that holds the bound on the norm of an example's gradient. */
export const CLIP = 'clip'
/** The graph output that holds the norms of the examples' gradients before they were clipped, (N). */
export const NORMS = 'norms'

const products: ReadonlySet<string> = new Set(['MatMul', 'FusedMatMul', 'Gemm'])

/**
 * The gradient of the right factor W (O, I) of a product, of each example by itself -> (N, O, I). TypeError when the
 * parameter is read in another way.
 */
export function exampleGradient(
  builder: GraphBuilder,
  { node, index, gradient }: { readonly node: Node; readonly index: number; readonly gradient: Value },
  examples: number,
): Value {
  const [left, right] = node.inputs
  const isFactor =
    products.has(node.op) &&
    index === 1 &&
    intOf(node, 'transA', 0) === 0 &&
    builder.value(right ?? '').shape.length === 2
  if (!isFactor) {
    const place = node.module === undefined ? `"${node.name}"` : `"${node.name}" of module ${node.module}`
    throw new TypeError(
      `${node.op} ${place} reads a parameter in a way for which gradients are not told apart by example; expected the factor of a product`,
    )
  }
  const { product, reshape } = algebra(builder)
  const rows = (value: Value): Value => {
    const width = value.shape.at(-1) as number
    return reshape(value, [examples, sizeOf(value.shape) / width / examples, width])
  }
  const [x, g] = [rows(builder.value(left ?? '')), rows(gradient)] // (N, T, I), (N, T, O)
  const alpha = floatOf(node, 'alpha', 1)
  return intOf(node, 'transB', 0) === 1
    ? product(g, x, { transA: true, alpha })
    : product(x, g, { transA: true, alpha })
}

/** TypeError unless a gradient has a part for each example. */
export function expectByExample(gradient: Value, parameter: Value, examples: number): void {
  if (sameShape(gradient.shape, [examples, ...parameter.shape])) return
  throw new TypeError(
    `the gradient of "${parameter.name}" expected (${[examples, ...parameter.shape].join(', ')}), one part an example, got (${gradient.shape.join(', ')})`,
  )
}

/**
 * Appends the sum over the examples of their gradients, each scaled by min(1, clip / norm) of its joint norm over all
 * parameters; the bound is a new input `clip`. The gradients (N, …) come as (name, value); so do the sums, and with them the norms.
 */
export function clippedSums(
  builder: GraphBuilder,
  gradients: readonly (readonly [string, Value])[],
  examples: number,
): readonly (readonly [string, Value])[] {
  const { add, div, product, reshape, apply } = algebra(builder)
  const flat = gradients.map(([name, value]) => {
    const count = sizeOf(value.shape) / examples
    return { name, shape: value.shape.slice(1), count, rows: reshape(value, [examples, count]) }
  })
  const squares = flat.map(({ rows, count }) => {
    const row = reshape(rows, [examples, 1, count])
    return product(row, row, { transB: true }) // (N, 1, 1)
  })
  const norms = apply(
    'Sqrt',
    squares.reduce((left, right) => add(left, right)),
  )
  const clip = builder.input(CLIP, norms.element, [])
  const factors = reshape(div(clip, builder.op('Max', [norms, clip])), [1, examples])
  return [
    ...flat.map(({ name, shape, rows }) => [name, reshape(product(factors, rows), shape)] as const),
    [NORMS, reshape(norms, [examples])] as const,
  ]
}
