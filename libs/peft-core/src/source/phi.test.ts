import { expect, test } from 'vitest'
import { phiConfig } from './phi.js'

const phi = { hidden_size: 48, num_attention_heads: 4, num_hidden_layers: 2 }

test('a Phi configuration has the defaults of transformers', () => {
  expect(phiConfig(phi)).toMatchObject({
    keyValueHeads: 4,
    positions: 2048,
    activation: 'gelu_new',
    layerNormEpsilon: 1e-5,
    rope: { theta: 10_000, fraction: 0.5 },
  })
  const others = { partial_rotary_factor: 0.4, layer_norm_eps: 1e-4, num_key_value_heads: 2 }
  expect(phiConfig({ ...phi, ...others })).toMatchObject({
    keyValueHeads: 2,
    layerNormEpsilon: 1e-4,
    rope: { fraction: 0.4 },
  })
})

test('a normalisation of queries and keys is refused', () => {
  expect(() => phiConfig({ ...phi, qk_layernorm: true })).toThrow('qk_layernorm true is not supported')
})
