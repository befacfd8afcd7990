/**
 * The bare matrix products of a graph: what its arithmetic would cost if nothing else had to be done.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import { type Graph, intOf, type Node, sizeOf, type Value } from '../graph/graph.js'
import type { Feed, Runtime, RuntimeOptions } from './runtime.js'

const products: ReadonlySet<string> = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'MatMulNBits'])

export interface ProductTimes {
  /** Floating-point operations of one run. */
  readonly flops: number
  /** How long each run took. */
  readonly seconds: readonly number[]
}

/** Runs the bare products of a graph a number of times. */
export async function timeProducts(
  runtime: Runtime,
  graph: Graph,
  options: RuntimeOptions & { readonly times: number },
): Promise<ProductTimes> {
  const bare = productsGraph(graph)
  const session = await runtime.open(bare, { ...options, rewrites: false })
  const feeds = productFeeds(bare)
  const seconds: number[] = []
  for (let run = 0; run < options.times; run++) {
    const startedMs = performance.now()
    await session.run(feeds)
    seconds.push((performance.now() - startedMs) / 1000)
  }
  await session.close()
  return { flops: productFlops(graph), seconds }
}

/** A product as of a small model's feed-forward layer: large enough to keep every core busy. */
const PROBE = { tokens: 512, inputs: 768, outputs: 3072 } as const

/** Floating-point operations a second that this machine does in a matrix product with a frozen weight: the best of a few runs. */
export async function productRate(runtime: Runtime, options: RuntimeOptions): Promise<number> {
  const builder = createBuilder()
  const { tokens, inputs, outputs } = PROBE
  const x = builder.input('x', 'float32', [tokens, inputs])
  const bytes = new Uint8Array(4 * inputs * outputs)
  const weight = builder.weight({
    name: 'w',
    element: 'float32',
    shape: [inputs, outputs],
    data: { kind: 'bytes', bytes },
  })
  builder.output(builder.op('MatMul', [x, weight]))
  const { flops, seconds } = await timeProducts(runtime, builder.build(), { ...options, times: 12 })
  return flops / Math.min(...seconds)
}

/** Floating-point operations of one run of a graph's matrix products: two for each multiplication. */
export function productFlops(graph: Graph): number {
  return graph.nodes.filter(isProduct).reduce((sum, node) => sum + flopsOf(graph, node), 0)
}

/**
 * A graph of only the products of another: same shapes, same weights, each on inputs of its own kind that are fed. Its one
 * output reads a number of each product, so that none can be left out.
 */
export function productsGraph(graph: Graph): Graph {
  const builder = createBuilder({
    inputs: [],
    outputs: [],
    weights: graph.weights,
    nodes: [],
    types: weightTypes(graph),
  })
  const operands = new Map<string, Value>()
  const operand = (name: string): Value => {
    if (graph.weights.has(name)) return builder.value(name)
    const { element, shape } = graph.types.get(name) as Value
    const key = `operand ${shape.join('x')}`
    const value = operands.get(key) ?? builder.input(key, element, shape)
    operands.set(key, value)
    return value
  }
  const start = builder.constant([0], 'int64')
  const end = builder.constant([1], 'int64')
  const flat = builder.constant([-1], 'int64')
  const firsts = graph.nodes.filter(isProduct).map((node) => {
    const factors = node.op === 'MatMulNBits' ? node.inputs.slice(0, 4) : node.inputs.slice(0, 2) // without what is added
    const inputs = factors.map((name) => (name === '' ? undefined : operand(name)))
    const product = builder.op(node.op, inputs, { attributes: node.attributes, domain: node.domain })
    return builder.op('Slice', [builder.op('Reshape', [product, flat]), start, end])
  })
  builder.output(builder.op('Concat', firsts, { attributes: { axis: { kind: 'int', value: 0 } } }))
  return builder.build()
}

/** Small random operands for a graph of products. */
export function productFeeds(graph: Graph): ReadonlyMap<string, Feed> {
  let state = 1
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32 - 0.5
  }
  return new Map(
    graph.inputs.map(({ name, shape }) => [name, Float32Array.from({ length: sizeOf(shape) }, next)]),
  )
}

const isProduct = ({ op }: Node): boolean => products.has(op)

function weightTypes({ weights }: Graph): Graph['types'] {
  return new Map([...weights].map(([name, { element, shape }]) => [name, { element, shape }]))
}

function flopsOf({ types }: Graph, node: Node): number {
  const left = types.get(node.inputs[0] as string)?.shape ?? []
  const output = types.get(node.outputs[0] as string)?.shape ?? []
  const inner = intOf(node, 'transA', 0) === 1 ? left.at(-2) : left.at(-1)
  return 2 * sizeOf(output) * (inner ?? 0)
}
