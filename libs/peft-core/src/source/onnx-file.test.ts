import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, describe, expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { ort } from '../runtime/ort.js'
import { forwardFromOnnx, readOnnxFile } from './onnx-file.js'

const folder = mkdtempSync(path.join(tmpdir(), 'lorica-onnx-file-'))
afterAll(() => rmSync(folder, { recursive: true }))

function save(name: string, graph: Graph): string {
  const file = path.join(folder, name)
  writeFileSync(file, encodeOnnx(graph).bytes)
  return file
}

/** Rows of a table (5, 2) for `input_ids`, as an output of the given name. */
function lookup(output: string, input = 'input_ids'): Graph {
  const builder = createBuilder()
  const ids = builder.input(input, 'int64', [1, 3])
  const data = { kind: 'file', path: path.join(folder, 'table.bin'), offset: 4, length: 40 } as const
  const table = builder.weight({ name: 'table', element: 'float32', shape: [5, 2], data })
  const [rows] = builder.append({
    name: 'lookup',
    op: 'Gather',
    domain: '',
    inputs: [table.name, ids.name],
    outputs: [output],
    attributes: {},
  })
  if (rows !== undefined) builder.output(rows)
  return builder.build()
}

/** The sum over an input (1, 3, 2). */
function sum(input: string): Graph {
  const builder = createBuilder()
  builder.output(builder.op('ReduceSum', [builder.input(input, 'float32', [1, 3, 2])]))
  return builder.build()
}

writeFileSync(
  path.join(folder, 'table.bin'),
  new Uint8Array(Float32Array.from({ length: 11 }, (_, at) => at).buffer),
)

test('weights beside the model are used where they are', async () => {
  const model = readOnnxFile(save('model.onnx', lookup('logits')))
  expect(model.initializers.get('table')?.data).toMatchObject({
    path: path.join(folder, 'table.bin'),
    offset: 4,
  })
  const session = await ort.open(forwardFromOnnx(model, { rows: 1, columns: 3 }).graph)
  const results = await session.run(new Map([['input_ids', Int32Array.of(4, 0, 2)]]))
  expect([...(results.get('logits')?.data ?? [])]).toEqual([9, 10, 1, 2, 5, 6])
  await session.close()
})

test('a large weight inside of the file is used in place, a small one is copied', async () => {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [1, 2])
  const table = Float32Array.from({ length: 2048 }, (_, at) => at / 2)
  const bytes = new Uint8Array(table.buffer)
  const weight = builder.weight({
    name: 'table',
    element: 'float32',
    shape: [1024, 2],
    data: { kind: 'bytes', bytes },
  })
  const rows = builder.op('Gather', [weight, ids], { attributes: { axis: int(0) } })
  builder.output(builder.op('Add', [rows, builder.constant([0.25, -0.25])]))
  const file = save('inline.onnx', builder.build())
  const model = readOnnxFile(file)
  const data = [...model.initializers.values()].map((given) => given.data)
  expect(data).toMatchObject([{ kind: 'file', path: file, length: 8192 }, { kind: 'bytes' }])
  const session = await ort.open(forwardFromOnnx(model, { rows: 1, columns: 2 }).graph)
  const results = await session.run(new Map([['input_ids', Int32Array.of(1000, 3)]]))
  expect([...(results.get('logits')?.data ?? [])]).toEqual([1000.25, 1000.25, 3.25, 3.25])
  await session.close()
})

test('missing and short files of weights are named', () => {
  const file = save('short.onnx', lookup('logits'))
  const moved = path.join(folder, 'elsewhere.onnx')
  writeFileSync(
    moved,
    Buffer.from(readFileSync(file)).toString('latin1').replace('table.bin', 'label.bin'),
    'latin1',
  )
  expect(() => readOnnxFile(moved)).toThrow(/label.bin" is missing/)
  writeFileSync(path.join(folder, 'label.bin'), 'short')
  expect(() => readOnnxFile(moved)).toThrow(/label.bin" has 5 bytes, expected at least 44/)
})

test('a file that is no model is refused', () => {
  writeFileSync(path.join(folder, 'config.json'), '{"model_type":"gpt2"}')
  const reading = (name: string) => () => readOnnxFile(path.join(folder, name))
  expect(reading('config.json')).toThrow(expect.objectContaining({ reason: 'malformed' }))
  expect(reading('nothing.onnx')).toThrow(/expected an ONNX file at ".*nothing.onnx"; there is none/)
})

test('a model without its head is refused, and so is an input that no batch gives', () => {
  const forward = (graph: Graph) => () =>
    forwardFromOnnx(readOnnxFile(save('odd.onnx', graph)), { rows: 1, columns: 3 })
  expect(forward(lookup('last_hidden_state'))).toThrow(
    'expected an output "logits" to compute a loss from, got "last_hidden_state" (1, 3, 2); export the model with its head',
  )
  expect(forward(lookup('logits', 'attention_mask'))().graph.inputs[0]?.name).toBe('attention_mask')
  expect(forward(lookup('logits', 'audio'))().graph.inputs[0]?.name).toBe('input_ids')
  expect(forward(sum('speech'))).toThrow(/input "speech", float32 \(1, 3, 2\); a batch gives input_ids/)
  expect(forward(lookup('output_0'))().graph.outputs[0]?.name).toBe('logits')
})

const fixtures = process.env.LORICA_FIXTURES
const forms = ['bert', 'gpt2', 'llama', 'llama-rslora'].flatMap((name) => [
  [name, 'onnx'],
  [name, 'torchscript'],
])

describe.skipIf(fixtures === undefined)('models that PyTorch exported (needs LORICA_FIXTURES)', () => {
  const golden = path.join(fixtures ?? '', 'golden')

  test.each(forms)('%s as %s gives the logits of the whole file, at several sizes', async (name, form) => {
    const file = path.join(golden, name, form, 'model.onnx')
    const model = readOnnxFile(file)
    const whole = await InferenceSession.create(file, { logSeverityLevel: 3 })
    for (const [rows, columns] of [
      [2, 7],
      [3, 12],
    ] as const) {
      const { graph } = forwardFromOnnx(model, { rows, columns })
      const ids = Int32Array.from({ length: rows * columns }, (_, at) => (at * 37 + 11) % 300)
      const mask = Int32Array.from(ids, (_, at) => Number(at < columns || at % columns < columns - 2))
      const tensor = (from: Int32Array) =>
        new Tensor('int64', BigInt64Array.from(from, BigInt), [rows, columns])
      const expected = await whole.run({ input_ids: tensor(ids), attention_mask: tensor(mask) })
      const session = await ort.open(graph)
      const feeds = new Map([
        ['input_ids', ids],
        ['attention_mask', mask],
      ])
      const logits = (await session.run(feeds)).get('logits')
      const wanted = expected.logits as Tensor
      expect(logits?.shape).toEqual(wanted.dims)
      const values = wanted.data as Float32Array
      const worst = values.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - (logits?.data[at] ?? Number.NaN))),
        0,
      )
      expect(worst).toBeLessThan(5e-6) // of logits up to 4
      await session.close()
    }
    await whole.release()
  })

  test.each([...forms, ['vit', 'onnx'], ['vit', 'torchscript']])(
    '%s as %s has a layer for every factor of its adapter',
    (name, form) => {
      const model = readOnnxFile(path.join(golden, name, form, 'model.onnx'))
      const { modules } = forwardFromOnnx(model, { rows: 2, columns: 5 })
      const layers = new Map(modules.map((module) => [module.path, module]))
      expect(layers.size).toBe(modules.length)
      const bytes = readFileSync(path.join(golden, name, 'adapter', 'adapter_model.safetensors'))
      const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString()) as Record<
        string,
        { shape: number[] }
      >
      for (const [key, { shape }] of Object.entries(header)) {
        const [, module, factor] = /^base_model\.model\.(.*)\.lora_([AB])\.weight$/.exec(key) ?? []
        if (module === undefined) continue
        const layer = layers.get(module)
        expect([key, factor === 'A' ? layer?.inFeatures : layer?.outFeatures]).toEqual([
          key,
          shape[factor === 'A' ? 1 : 0],
        ])
      }
    },
  )
})
