import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inspectModel } from './inspect.js'

const fixtures = process.env.LORICA_FIXTURES
if (fixtures === undefined) console.log('skipped: LORICA_FIXTURES names no folder of models')

describe.skipIf(fixtures === undefined)('inspection', () => {
  test.each([
    ['llama', 77_040],
    ['bert', 59_141],
    ['gpt2', 75_072],
  ])('counts the parameters of %s alike in a folder and in an export of it', async (name, parameters) => {
    for (const form of ['model', 'onnx/model.onnx']) {
      const report = await inspectModel(join(fixtures ?? '', 'golden', name, form))
      expect(report).toMatchObject({ parameters, trainable: true, reason: null })
    }
  })

  test('says of every file in one line why it cannot be trained', async () => {
    const folder = join(fixtures ?? '', 'fixtures/onnx')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.onnx'),
    )
    expect(files.length).toBeGreaterThan(10)
    for (const file of files) {
      const reason = await inspectModel(join(folder, file)).then(
        (report) => report.reason,
        (error: Error) => error.message,
      )
      if (reason !== null) expect(reason, file).toMatch(/^[^\n]{20,}$/)
    }
  })

  test('reads a graph whose nodes leave outputs without a name', async () => {
    const file = join(fixtures ?? '', 'fixtures/onnx/gpt2_tiny_random_fused_contrib_op11.onnx')
    const report = await inspectModel(file)
    expect(report).toMatchObject({ trainable: true, task: 'causal' })
    expect(report.modules).toHaveLength(21) // four in each of five blocks, and the head
  })

  test.each([
    ['gpt2', 2, 'transformer.h.0.attn.c_attn'],
    ['bert', 0, undefined],
  ])('notes which layers of %s hold several projections in one matrix', async (name, count, first) => {
    const { modules } = await inspectModel(join(fixtures ?? '', 'golden', name, 'onnx/model.onnx'))
    const packed = modules.filter((module) => module.packed)
    expect(packed).toHaveLength(count)
    expect(packed[0]?.path).toBe(first)
  })
})
