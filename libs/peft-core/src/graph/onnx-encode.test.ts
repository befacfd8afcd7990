import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBuilder } from './builder.js'
import { float, type Graph, int, text, type Weight } from './graph.js'
import { encodeOnnx } from './onnx-encode.js'

let root: string

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'lorica-encode-')))
})
afterEach(() => rmSync(root, { recursive: true }))

/** A file of 2 x 3 numbers counting up from `first`, after 13 other bytes. */
function weightFile(file: string, first: number): Weight['data'] {
  const bytes = Buffer.alloc(13 + 24, 0xff)
  for (let index = 0; index < 6; index++) bytes.writeFloatLE(first + index, 13 + index * 4)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  return { kind: 'file', path: file, offset: 13, length: 24 }
}

/** y = x (first + second) for x (1, 2) */
function sumGraph(first: Weight['data'], second: Weight['data']): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [1, 2])
  const type = { element: 'float32', shape: [2, 3] } as const
  const sum = builder.op('Add', [
    builder.weight({ name: 'first', ...type, data: first }),
    builder.weight({ name: 'second', ...type, data: second }),
  ])
  builder.output(builder.op('MatMul', [x, sum]))
  return builder.build()
}

async function run(graph: Graph, x: readonly number[], shape: readonly number[]): Promise<unknown> {
  const { bytes, folder } = encodeOnnx(graph)
  const session = await InferenceSession.create(bytes, {
    logSeverityLevel: 4,
    ...(folder === undefined
      ? {}
      : {
          extra: {
            session: { model_external_initializers_file_folder_path: folder },
          },
        }),
  })
  const results = await session.run({
    x: new Tensor('float32', Float32Array.from(x), shape),
  })
  const [output] = Object.values(results)
  return [...((output as Tensor).data as Float32Array)]
}

test('weights in files of two folders are used in place, at offsets that are not aligned', async () => {
  const first = weightFile(path.join(root, 'a/one.safetensors'), 1)
  const second = weightFile(path.join(root, 'b/c/two.safetensors'), 10)
  expect(encodeOnnx(sumGraph(first, second)).folder).toBe(root)
  expect(await run(sumGraph(first, second), [1, 2], [1, 2])).toEqual([45, 51, 57])
})

test('a weight file behind a link is read where the link leads', async () => {
  const data = weightFile(path.join(root, 'blobs/abc'), 2)
  const link = path.join(root, 'snapshot.safetensors')
  symlinkSync(path.join('blobs', 'abc'), link)
  const linked: Weight['data'] = {
    kind: 'file',
    path: link,
    offset: 13,
    length: 24,
  }
  expect(encodeOnnx(sumGraph(linked, data)).folder).toBe(path.join(root, 'blobs'))
  expect(await run(sumGraph(linked, data), [1, 2], [1, 2])).toEqual([24, 30, 36])
})

test('a file outside the stated folder is refused', () => {
  const inside = weightFile(path.join(root, 'model/one'), 1)
  const outside = weightFile(path.join(root, 'other/two'), 1)
  expect(() => encodeOnnx(sumGraph(inside, outside), { folder: path.join(root, 'model') })).toThrow(
    /two" to be below the folder/,
  )
})

test('attributes and weights in memory reach the runtime', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 2])
  const attributes = { transA: int(1), alpha: float(0.5) }
  const y = builder.op('Gemm', [x, builder.constant([1, 2, 3, 4], 'float32', [2, 2])], { attributes })
  builder.output(builder.op('Gelu', [y], { attributes: { approximate: text('tanh') } }))
  const graph = builder.build()
  expect(encodeOnnx(graph).folder).toBeUndefined()
  const result = (await run(graph, [2, -4, 6, 8], [2, 2])) as number[]
  // x^T w / 2 = [[10, 14], [10, 12]]; gelu leaves numbers this large as they are
  expect(result.map((value) => Math.round(value * 1e4) / 1e4)).toEqual([10, 14, 10, 12])
})
