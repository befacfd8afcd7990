import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ort } from '../runtime/ort.js'
import { forwardFromOnnx, readOnnxFile } from '../source/onnx-file.js'
import { createBuilder } from './builder.js'
import { type Element, type Graph, int, type Weight } from './graph.js'
import { encodeOnnx } from './onnx-encode.js'

const folder = mkdtempSync(path.join(tmpdir(), 'lorica-widen-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The bits of numbers that both elements hold exactly. */
const bitsOf: Readonly<Record<'float16' | 'bfloat16', (value: number) => number>> = {
  float16: (value) => {
    if (value === 0) return 0
    const exponent = Math.floor(Math.log2(value))
    return ((exponent + 15) << 10) | ((value / 2 ** exponent - 1) * 1024)
  },
  bfloat16: (value) => (new Uint32Array(Float32Array.of(value).buffer)[0] as number) >>> 16,
}

function stored(
  name: string,
  element: 'float16' | 'bfloat16',
  [rows, columns]: readonly [number, number],
  at: (row: number, column: number) => number,
): Weight {
  const values = Array.from({ length: rows * columns }, (_, flat) =>
    bitsOf[element](at(Math.floor(flat / columns), flat % columns)),
  )
  const bytes = new Uint8Array(Uint16Array.from(values).buffer)
  return { name, element, shape: [rows, columns], data: { kind: 'bytes', bytes } }
}

const [V, D, C] = [70, 64, 65]

/** Rows of a table, times a matrix, plus 2^-12 that is cast to half precision: too small to be added in it. */
function halfGraph(element: 'float16' | 'bfloat16', to: number): Graph {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [1, 2])
  const table = builder.weight(stored('embed.weight', element, [V, D], (row) => (row + 1) / 64))
  const matrix = builder.weight(stored('head.weight', element, [D, C], (_, column) => (column % 3) / 64))
  const rows = builder.op('Gather', [table, ids], { attributes: { axis: int(0) } })
  const product = builder.op('MatMul', [rows, matrix])
  const small = builder.op('Cast', [builder.constant(2 ** -12)], { attributes: { to: int(to) } })
  const sum = builder.op('Add', [product, small])
  const [logits] = builder.append({
    name: 'last',
    op: 'Identity',
    domain: '',
    inputs: [sum.name],
    outputs: ['logits'],
    attributes: {},
  })
  if (logits !== undefined) builder.output(logits)
  return builder.build()
}

describe.each([
  ['float16', 10],
  ['bfloat16', 16],
] as const)('a model in %s', (element, to) => {
  const file = path.join(folder, `${element}.onnx`)
  writeFileSync(file, encodeOnnx(halfGraph(element, to)).bytes)
  const { graph, modules } = forwardFromOnnx(readOnnxFile(file), { rows: 1, columns: 2 })

  test('computes in float32', async () => {
    const session = await ort.open(graph)
    const found = (await session.run(new Map([['input_ids', Int32Array.of(63, 31)]]))).get('logits')
    await session.close()
    const wanted = [64, 32].flatMap((row) =>
      Array.from({ length: C }, (_, column) => (row / 64) * (column % 3) + 2 ** -12),
    )
    expect([...(found?.data ?? [])]).toEqual(wanted)
  })

  test('keeps its matrices as they are stored, under their names', () => {
    const elements = ['embed.weight', 'head.weight'].map(
      (name): Element | undefined => graph.weights.get(name)?.element,
    )
    expect(elements).toEqual([element, element])
    expect(modules).toMatchObject([{ path: 'head', inFeatures: D, outFeatures: C, weight: 'head.weight' }])
    const gather = graph.nodes.find(({ op }) => op === 'Gather')
    expect(gather?.inputs[0]).toBe('embed.weight') // only the rows that are looked up are cast
  })
})
