import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { type Element, float, type Graph, int } from '../graph/graph.js'
import { ort } from './ort.js'
import { reference } from './reference.js'
import type { Feed } from './runtime.js'

const folder = mkdtempSync(join(tmpdir(), 'ort-'))
afterAll(() => rmSync(folder, { recursive: true }))

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

/** y = x W + 0.5 for a (2, 3) weight in half precision, cast in the graph; x (2, 2). */
function halfGraph(element: Element, bits: readonly number[]): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 2])
  const bytes = bytesOf(Uint16Array.from(bits))
  const half = builder.weight({ name: 'w', element, shape: [2, 3], data: { kind: 'bytes', bytes } })
  const w = builder.op('Cast', [half], { attributes: { to: int(1) } })
  builder.output(builder.op('Add', [builder.op('MatMul', [x, w]), builder.constant(0.5)]))
  return builder.build()
}

async function onlyOutput(
  graph: Graph,
  feeds: Record<string, Feed>,
  runtime = ort,
): Promise<readonly number[]> {
  const session = await runtime.open(graph, { threads: 2 })
  const outputs = await session.run(new Map(Object.entries(feeds)))
  await session.close()
  return Array.from(outputs.get(graph.outputs[0]?.name as string)?.data ?? [])
}

// 1.5 -2 0.25 / 3 -0.5 65504 as float16; 1.5 -2 0.25 / 3 -0.5 1.0078125 as bfloat16
const float16 = [0x3e00, 0xc000, 0x3400, 0x4200, 0xb800, 0x7bff]
const bfloat16 = [0x3fc0, 0xc000, 0x3e80, 0x4040, 0xbf00, 0x3f81]
const x = Float32Array.of(1, 2, -3, 0.5)

test.each([
  ['float16', float16, [8, -2.5, 131_008.75, -2.5, 6.25, 32_751.75]],
  ['bfloat16', bfloat16, [8, -2.5, 2.765625, -2.5, 6.25, 0.25390625]],
] as const)('%s weights count with their exact values', async (element, bits, expected) => {
  const graph = halfGraph(element, bits)
  expect(await onlyOutput(graph, { x })).toEqual(expected)
  expect(await onlyOutput(graph, { x }, reference)).toEqual(expected)
})

test('a weight is used in place at a byte range of a file', async () => {
  const path = join(folder, 'weights.bin')
  writeFileSync(
    path,
    Buffer.concat([Buffer.alloc(13, 7), bytesOf(Float32Array.of(1.5, -2, 0.25, 4)), Buffer.alloc(9, 7)]),
  )
  const builder = createBuilder()
  const data = { kind: 'file', path, offset: 13, length: 16 } as const
  const weight = builder.weight({ name: 'w', element: 'float32', shape: [2, 2], data })
  builder.output(builder.op('MatMul', [builder.input('x', 'float32', [2, 2]), weight]))
  const graph = builder.build()
  expect(await onlyOutput(graph, { x })).toEqual([2, 6, -4.375, 8])
  expect(await onlyOutput(graph, { x }, reference)).toEqual([2, 6, -4.375, 8])
})

test('whole numbers and booleans go in and come out as int32', async () => {
  const builder = createBuilder()
  const ids = builder.input('ids', 'int64', [3])
  const keep = builder.input('keep', 'bool', [3])
  const halved = builder.op('Div', [
    builder.op('Where', [keep, ids, builder.op('Neg', [ids])]),
    builder.constant(2, 'int64'),
  ])
  builder.output(halved)
  const feeds = { ids: Int32Array.of(7, -8, 2_000_000_000), keep: Int32Array.of(1, 1, 0) }
  expect(await onlyOutput(builder.build(), feeds)).toEqual([3, -4, -1_000_000_000])
})

/** A normalised product and its softmax, wide enough to be split over threads. */
function wideGraph(): Graph {
  const builder = createBuilder()
  const input = builder.input('x', 'float32', [64, 192])
  const values = Array.from({ length: 192 * 96 }, (_, index) => Math.sin(index * 0.37))
  const product = builder.op('MatMul', [input, builder.constant(values, 'float32', [192, 96])])
  const scale = builder.constant(Array.from({ length: 96 }, (_, index) => 1 + index / 96))
  const attributes = { axis: int(-1), epsilon: float(1e-5) }
  const [normal] = builder.ops('LayerNormalization', [product, scale, scale], { attributes })
  builder.output(builder.op('Softmax', [normal], { attributes: { axis: int(-1) } }))
  return builder.build()
}

test('repeated runs and repeated sessions give the same bytes, close to the float64 reference', async () => {
  const graph = wideGraph()
  const feeds = new Map([
    ['x', Float32Array.from({ length: 64 * 192 }, (_, index) => Math.cos(index * 0.11))],
  ])
  const output = graph.outputs[0]?.name as string
  const session = await ort.open(graph, { threads: 2 })
  const first = (await session.run(feeds)).get(output)?.data as Float32Array
  for (let repeat = 0; repeat < 3; repeat++)
    expect((await session.run(feeds)).get(output)?.data).toEqual(first)
  await session.close()
  expect(await onlyOutput(graph, { x: feeds.get('x') as Float32Array })).toEqual(Array.from(first))
  const oracle = await onlyOutput(graph, { x: feeds.get('x') as Float32Array }, reference)
  for (const [index, value] of oracle.entries()) expect(first[index]).toBeCloseTo(value, 5)
})

test('a feed that is missing or of another size is refused by name', async () => {
  const session = await ort.open(wideGraph())
  await expect(session.run(new Map())).rejects.toThrow(
    'input "x" expected 12288 numbers of float32(64, 192); it is missing',
  )
  await expect(session.run(new Map([['x', new Float32Array(5)]]))).rejects.toThrow('got 5')
  await session.close()
})
