import { expect, test } from 'vitest'
import { createIa3Config } from './ia3-config.js'
import { initialVectors, vectorPaths } from './ia3-vectors.js'

const modules = [
  { path: 'model.layers.0.self_attn.v_proj', inFeatures: 6, outFeatures: 4 },
  { path: 'model.layers.0.mlp.down_proj', inFeatures: 9, outFeatures: 6 },
]
const config = createIa3Config({ method: 'ia3' }, { family: 'llama' })
const keyOf = (path: string) => `base_model.model.${path}.ia3_l`

test('a vector scales the output, or the input of a feed-forward module, and starts at one', () => {
  const tensors = initialVectors(config, modules)
  expect(tensors.get(keyOf('model.layers.0.self_attn.v_proj'))?.shape).toEqual([4, 1])
  expect(tensors.get(keyOf('model.layers.0.mlp.down_proj'))).toEqual({
    shape: [1, 9],
    data: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1),
  })
  expect(vectorPaths(config, tensors)).toEqual(modules.map(({ path }) => path))
})

test('vectors that do not fit are refused by name', () => {
  const vector = (shape: readonly number[]) => ({ shape, data: new Float32Array(9) })
  const refusal = (key: string, shape: readonly number[]) => () =>
    vectorPaths(config, new Map([[key, vector(shape)]]))
  expect(refusal(keyOf('model.layers.0.mlp.down_proj'), [9, 1])).toThrow(
    'expected the shape (1, inputs), as a feed-forward module, got (9, 1)',
  )
  expect(refusal(keyOf('model.layers.0.self_attn.v_proj'), [1, 9])).toThrow('(outputs, 1), got (1, 9)')
  expect(refusal(keyOf('model.layers.0.self_attn.o_proj'), [9, 1])).toThrow('target_modules does not match')
  expect(refusal('base_model.model.v_proj.lora_A.weight', [9, 1])).toThrow('is no IA3 vector')
  expect(() => vectorPaths(config, new Map())).toThrow('got no tensors')
})
