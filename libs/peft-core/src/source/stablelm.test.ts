import { expect, test } from 'vitest'
import { stableLmConfig } from './stablelm.js'

const stableLm = { hidden_size: 64, num_attention_heads: 32, num_hidden_layers: 2 }

test('a StableLM configuration has the defaults of transformers', () => {
  expect(stableLmConfig(stableLm)).toMatchObject({
    keyValueHeads: 32,
    positions: 4096,
    projectionBias: false,
    isParallel: false,
    layerNormEpsilon: 1e-5,
    rope: { fraction: 0.25 },
  })
  const others = { use_qkv_bias: true, use_parallel_residual: true, num_key_value_heads: 8 }
  expect(stableLmConfig({ ...stableLm, ...others })).toMatchObject({
    keyValueHeads: 8,
    projectionBias: true,
    isParallel: true,
  })
})

test('a normalisation of each head is refused', () => {
  expect(() => stableLmConfig({ ...stableLm, qk_layernorm: true })).toThrow('qk_layernorm true')
})
