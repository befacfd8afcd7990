import { expect, test } from 'vitest'
import { ort } from '../runtime/ort.js'
import { linearModules } from '../source/modules.js'
import { constantFromWeight, weightBytes } from './constant.js'
import { type Attributes, type Element, type Graph, int, type Weight } from './graph.js'
import type { OnnxModel } from './onnx-model.js'
import { specialise } from './specialise.js'

function weight(name: string, shape: readonly number[], values: readonly number[], element: Element): Weight {
  return { name, element, shape, data: { kind: 'bytes', bytes: weightBytes(values, element) } }
}

interface Case {
  readonly op: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly weights: readonly Weight[]
  readonly attributes: Attributes
  readonly product?: string
}

/** A node in a model whose only input is `ids` (3) or, for a product with what it gives, `x` (1, 4). */
function graphOf({ op, domain, inputs, weights, attributes, product }: Case): Graph {
  const rest = { opaque: new Map(), metadata: new Map() }
  const output = product === undefined ? 'y' : 'matrix'
  const node = { name: '', op, domain, inputs, outputs: [output], attributes, ...rest }
  const multiply = {
    ...node,
    name: product ?? '',
    op: 'MatMul',
    inputs: ['x', 'matrix'],
    outputs: ['y'],
    attributes: {},
  }
  const [name, element, sides] =
    product === undefined ? (['ids', 'int64', [3]] as const) : (['x', 'float32', [1, 4]] as const)
  const model: OnnxModel = {
    irVersion: 10,
    operatorSets: new Map([
      ['', 21],
      ['com.microsoft', 1],
    ]),
    producer: 'test',
    inputs: [{ name, kind: 'tensor', element, sides }],
    outputs: [{ name: 'y', kind: 'tensor', element: 'float32', sides: undefined }],
    initializers: new Map(weights.map((given) => [given.name, given])),
    nodes: product === undefined ? [node] : [node, multiply],
    metadata: new Map(),
  }
  return specialise(model, { shapes: new Map([[name, sides]]), outputs: ['y'] })
}

async function run(graph: Graph, feed: readonly number[]): Promise<readonly number[]> {
  const session = await ort.open(graph)
  const [[, result] = []] = await session.run(new Map([[graph.inputs[0]?.name ?? '', Int32Array.from(feed)]]))
  await session.close()
  return [...(result?.data ?? [])]
}

const scales = weight('scales', [2, 3], [1, 0.5, 2, 10, 0.25, 4], 'float32')
const gather = { op: 'GatherBlockQuantized', domain: 'com.microsoft' } as const
const attributes = { block_size: int(2), gather_axis: int(0), quantize_axis: int(1) }

test('rows of a table of packed bytes are gathered, the middle of the range being zero', async () => {
  const table = weight('table', [2, 3], [0x9f, 0x18, 0x70, 0xa5, 0xe3, 0x0c], 'uint8')
  const graph = graphOf({
    ...gather,
    inputs: ['table', 'ids', 'scales'],
    weights: [table, scales],
    attributes,
  })
  const [first, second] = [
    [7, 1, 0, -3.5, -16, -2],
    [-30, 20, -1.25, 1.5, 16, -32],
  ] as const
  expect(await run(graph, [1, 0, 1])).toEqual([...second, ...first, ...second])
})

test('stated zero points are taken apart like the table', async () => {
  const table = weight('table', [2, 3], [0x9f, 0x18, 0x70, 0xa5, 0xe3, 0x0c], 'uint8')
  const zeros = weight('zeros', [2, 2], [0x31, 0xf2, 0x0b, 0xf6], 'uint8')
  const inputs = ['table', 'ids', 'scales', 'zeros']
  const graph = graphOf({ ...gather, inputs, weights: [table, scales, zeros], attributes })
  const [first, second] = [
    [14, 8, 2.5, -1, -4, 10],
    [-60, -10, 0.75, 3.5, 24, -24],
  ] as const
  expect(await run(graph, [0, 1, 1])).toEqual([...first, ...second, ...second])
})

test('a table of signed 4-bit integers has its zero at 0', async () => {
  const values = [7, -8, 1, -1, 3, -3, -2, 2, 4, -4, 6, -7]
  const table = weight('table', [2, 6], values, 'int4')
  expect([...constantFromWeight(table).data]).toEqual(values)
  const graph = graphOf({
    ...gather,
    inputs: ['table', 'ids', 'scales'],
    weights: [table, scales],
    attributes,
  })
  const [first, second] = [
    [7, -8, 0.5, -0.5, 6, -6],
    [-20, 20, 1, -1, 24, -28],
  ] as const
  expect(await run(graph, [0, 0, 1])).toEqual([...first, ...first, ...second])
})

test('a product with a matrix of 4-bit blocks is a layer', async () => {
  const name = 'layers.0.q_proj.MatMul.weight_DQ_Q4'
  const matrix = weight(name, [4, 2], [1, -2, 3, -4, 5, -6, 7, -8], 'int4')
  const blocks = weight('scales', [2, 2], [1, 10, 0.5, 100], 'float32')
  const graph = graphOf({
    op: 'DequantizeLinear',
    domain: '',
    inputs: [name, 'scales'],
    weights: [matrix, blocks],
    attributes: { axis: int(0), block_size: int(2) },
    product: '/layers.0/q_proj/MatMul_matmul_Q4',
  })
  const [layer, ...more] = linearModules(graph)
  expect(more).toEqual([])
  expect(layer).toMatchObject({
    path: 'layers.0.q_proj',
    inFeatures: 4,
    outFeatures: 2,
    weightLayout: 'in-out',
  })
  expect(await run(graph, [1, 2, 3, 4])).toEqual([1 + 6 + 7.5 + 14, -20 - 80 - 1800 - 3200])
})
