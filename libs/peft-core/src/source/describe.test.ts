import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { int } from '../graph/graph.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { describeModel } from './describe.js'

const folder = mkdtempSync(path.join(tmpdir(), 'lorica-describe-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a model whose every input has a fixed size is described at that size', async () => {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [3, 5])
  const mask = builder.input('attention_mask', 'int64', [3, 5])
  const bytes = new Uint8Array(Float32Array.from({ length: 28 }, (_, at) => at).buffer)
  const table = builder.weight({
    name: 'table',
    element: 'float32',
    shape: [7, 4],
    data: { kind: 'bytes', bytes },
  })
  const rows = builder.op('Gather', [table, ids], { attributes: { axis: int(0) } })
  const numbers = builder.op('Cast', [mask], { attributes: { to: int(1) } })
  const flags = builder.op('Reshape', [numbers, builder.constant([3, 5, 1], 'int64')])
  const [logits] = builder.append({
    name: 'masked',
    op: 'Mul',
    domain: '',
    inputs: [rows.name, flags.name],
    outputs: ['logits'],
    attributes: {},
  })
  if (logits !== undefined) builder.output(logits)
  const file = path.join(folder, 'model.onnx')
  writeFileSync(file, encodeOnnx(builder.build()).bytes)
  expect(await describeModel(file)).toMatchObject({ task: 'causal', positions: 5, vocabularySize: 4 })
})
