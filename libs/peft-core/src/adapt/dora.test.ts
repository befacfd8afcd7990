import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { magnitudeKey } from '../adapter/factors.js'
import { createLoraConfig } from '../adapter/lora-config.js'
import { createBuilder } from '../graph/builder.js'
import { float, int } from '../graph/graph.js'
import { reference } from '../runtime/reference.js'
import { linearModules } from '../source/modules.js'
import { adapt } from './adapt.js'
import { createAdapter } from './start.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

test('a row of the weight keeps its direction and gets the length that its magnitude says', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [1, 2])
  const bytes = new Uint8Array(Float32Array.of(3, 1, 0, 2).buffer)
  const weight = builder.weight({
    name: 'p.weight',
    element: 'float32',
    shape: [2, 2],
    data: { kind: 'bytes', bytes },
  })
  const y = builder.op('Gemm', [x, weight, builder.constant([0.5, -0.25])], {
    attributes: { transB: int(1) },
    module: 'p',
  })
  builder.output(y)
  const graph = builder.build()
  const config = createLoraConfig({ method: 'dora', rank: 1, alpha: 2, targets: ['p'], rslora: false })
  const adapted = adapt({ outputLayer: undefined }, { graph, modules: linearModules(graph) }, config)
  const session = await reference.open(adapted)
  const outputs = await session.run(
    new Map([
      ['x', Float32Array.of(1, 2)],
      ['base_model.model.p.lora_A.weight', Float32Array.of(0, 1.5)],
      ['base_model.model.p.lora_B.weight', Float32Array.of(1, -0.5)],
      [magnitudeKey('p'), Float32Array.of(10, 4)],
    ]),
  )
  // W + 2 B A = [[3, 4], [0, 0.5]]: rows of lengths 5 and 0.5, so 10/5 (3 + 8) + 0.5 and 4/0.5 (0 + 1) - 0.25
  expect([...(outputs.get(y.name)?.data ?? [])]).toEqual([22.5, 7.75])
})

test('a layer whose product is scaled is refused', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [1, 2])
  const bytes = new Uint8Array(16)
  const weight = builder.weight({
    name: 'p.weight',
    element: 'float32',
    shape: [2, 2],
    data: { kind: 'bytes', bytes },
  })
  builder.output(builder.op('Gemm', [x, weight], { attributes: { alpha: float(0.5) }, module: 'p' }))
  const graph = builder.build()
  const config = createLoraConfig({ method: 'dora', rank: 1, alpha: 2, targets: ['p'], rslora: false })
  const forward = { graph, modules: linearModules(graph) }
  expect(() => adapt({ outputLayer: undefined }, forward, config)).toThrow('module p scales its weight')
})

describe('a fresh adapter', () => {
  const spec = { method: 'dora', rank: 3, alpha: 5, rslora: false } as const

  test.each([
    ['llama', 'down_proj', [48], 'model.layers.1.mlp.down_proj'],
    ['gpt2', 'c_attn', [144], 'transformer.h.1.attn.c_attn'],
  ])('of %s has the row lengths of the weight as magnitudes', async (name, target, shape, path) => {
    const { tensors } = await createAdapter(join(golden, name, 'model'), { ...spec, targets: [target] }, 4)
    expect(tensors.get(magnitudeKey(path))?.shape).toEqual(shape)
  })
})
