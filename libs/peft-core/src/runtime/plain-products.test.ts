import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { float, type Graph, int } from '../graph/graph.js'
import { withPlainProducts } from './plain-products.js'
import { reference } from './reference.js'

interface Product {
  readonly left: readonly number[]
  readonly right: readonly number[]
  readonly transA?: 0 | 1
  readonly transB?: 0 | 1
  readonly op: string
}

const products: readonly Product[] = [
  { left: [2, 3], right: [3, 4], op: 'Gemm' },
  { left: [3, 2], right: [4, 3], transA: 1, transB: 1, op: 'Gemm' },
  { left: [5, 2, 3], right: [4, 3], transB: 1, op: 'Gemm' },
  { left: [2, 3, 4], right: [3, 2], transA: 1, op: 'MatMul' },
  { left: [2, 5, 4, 3], right: [2, 5, 2, 3], transB: 1, op: 'MatMul' },
  { left: [2, 1, 3, 4], right: [5, 3, 2], transA: 1, op: 'MatMul' },
]

function productGraph({ left, right, transA = 0, transB = 0 }: Product, alpha: number): Graph {
  const builder = createBuilder()
  const factors = [builder.input('left', 'float32', left), builder.input('right', 'float32', right)]
  const attributes = { transA: int(transA), transB: int(transB), alpha: float(alpha) }
  builder.output(builder.op('FusedMatMul', factors, { domain: 'com.microsoft', attributes }))
  return builder.build()
}

const feedsOf = ({ inputs }: Graph) =>
  new Map(
    inputs.map(({ name, shape }) => {
      const size = shape.reduce((all, side) => all * side, 1)
      return [name, Float32Array.from({ length: size }, (_, at) => Math.sin(at * 1.7 + name.length))]
    }),
  )

test.each(products)('$left times $right becomes $op, with the same product', async ({ op, ...product }) => {
  for (const alpha of [1, -0.375]) {
    const graph = productGraph({ op, ...product }, alpha)
    const plain = withPlainProducts(graph)
    expect(plain.nodes.map((node) => node.op)).not.toContain('FusedMatMul')
    expect(plain.nodes.map((node) => node.op)).toContain(op)
    const [whole, parts] = await Promise.all(
      [graph, plain].map(async (one) => (await reference.open(one)).run(feedsOf(graph))),
    )
    const name = graph.outputs[0]?.name as string
    expect(parts?.get(name)?.shape).toEqual(whole?.get(name)?.shape)
    const values = [...(parts?.get(name)?.data ?? [])]
    for (const [at, x] of [...(whole?.get(name)?.data ?? [])].entries()) expect(values[at]).toBeCloseTo(x, 6)
  }
})
