import { expect, test } from 'vitest'
import { factorPairs, initialTensors } from './factors.js'
import { createLoraConfig } from './lora-config.js'
import type { Tensor } from './tensor.js'

const spec = { method: 'lora', rank: 2, alpha: 3, targets: ['q_proj', 'down_proj'], rslora: false } as const
const config = createLoraConfig(spec, { rankPattern: { down_proj: 3 } })
const modules = [
  { path: 'model.layers.0.q_proj', inFeatures: 16, outFeatures: 5 },
  { path: 'model.layers.0.down_proj', inFeatures: 8, outFeatures: 4 },
]
const keyA = 'base_model.model.model.layers.0.q_proj.lora_A.weight'
const keyB = 'base_model.model.model.layers.0.q_proj.lora_B.weight'

test('new factors begin at the base model: A within 1/sqrt(inputs), B zero', () => {
  const tensors = initialTensors(modules, config, 3)
  const a = tensors.get(keyA) as Tensor
  expect(a.shape).toEqual([2, 16])
  expect(Math.max(...a.data.map(Math.abs))).toBeLessThanOrEqual(0.25)
  expect(Math.max(...a.data)).toBeGreaterThan(0.2)
  expect(tensors.get(keyB)).toEqual({ shape: [5, 2], data: new Float32Array(10) })
  expect(tensors.get('base_model.model.model.layers.0.down_proj.lora_A.weight')?.shape).toEqual([3, 8])
})

test('the first numbers of a seed never change', () => {
  const [a] = initialTensors(
    [{ path: 'layers.0.q_proj', inFeatures: 16, outFeatures: 1 }],
    { rank: 1 },
    3,
  ).values()
  expect([...(a as Tensor).data.slice(0, 4)]).toEqual(
    [0.21666714549064636, 0.19538035988807678, -0.22679397463798523, 0.000794529914855957], // from a Python port
  )
})

test('factors do not depend on the order of the modules, but on the seed and the module', () => {
  const forward = initialTensors(modules, config, 3)
  const backward = initialTensors(modules.toReversed(), config, 3)
  for (const [key, tensor] of forward) expect(backward.get(key)).toEqual(tensor)
  expect(initialTensors(modules, config, 4).get(keyA)).not.toEqual(forward.get(keyA))
})

test('the values of A are spread evenly', () => {
  const [a] = initialTensors([{ path: 'p', inFeatures: 100, outFeatures: 1 }], { rank: 200 }, 1).values()
  const values = [...(a as Tensor).data]
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length
  expect(Math.abs(mean)).toBeLessThan(0.001)
  expect(variance).toBeCloseTo(0.1 ** 2 / 3, 4)
})

test('pairs say rank, sizes and scaling of each module', () => {
  const pairs = factorPairs(config, initialTensors(modules, config, 3))
  expect(pairs).toEqual([
    { ...modules[0], kind: 'linear', rank: 2, scaling: 1.5, keyA, keyB },
    expect.objectContaining({ ...modules[1], rank: 3, scaling: 1 }),
  ])
})

test('factors that do not fit are refused by name', () => {
  const tensors = initialTensors(modules, config, 3)
  const without = (key: string) => new Map([...tensors].filter(([name]) => name !== key))
  const matrix = (rows: number, columns: number) => ({
    shape: [rows, columns],
    data: new Float32Array(rows * columns),
  })
  expect(() => factorPairs(config, without(keyB))).toThrow(
    `expected a tensor "${keyB}"; the adapter has only its partner`,
  )
  expect(() => factorPairs(config, new Map([...tensors, [keyA, matrix(4, 16)]]))).toThrow(
    'rank 2, got A of rank 4 and B of rank 2',
  )
  expect(() =>
    factorPairs(config, new Map([...tensors, [keyA, { shape: [32], data: new Float32Array(32) }]])),
  ).toThrow('(32)')
  expect(() =>
    factorPairs(config, new Map([['base_model.model.q_proj.lora_magnitude_vector', matrix(1, 1)]])),
  ).toThrow('tensor "base_model.model.q_proj.lora_magnitude_vector" is no LoRA factor')
  expect(() =>
    factorPairs(config, new Map([...tensors, ['base_model.model.lm_head.base_layer.weight', matrix(3, 2)]])),
  ).toThrow('"base_model.model.lm_head.base_layer.weight" is a frozen weight of the base model')
  expect(() => factorPairs({ ...config, targetModules: ['v_proj'] }, tensors)).toThrow(
    'factors for "model.layers.0.q_proj", which target_modules does not match',
  )
  expect(() => factorPairs(config, new Map())).toThrow('got no tensors')
})
