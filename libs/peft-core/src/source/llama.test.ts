import { expect, test } from 'vitest'
import { llamaConfig, mistralConfig, qwen2Config, qwen3Config, smolLm3Config } from './llama.js'

const llama = {
  model_type: 'llama',
  hidden_size: 48,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 3,
  max_position_embeddings: 64,
}

test('a Llama configuration is read in the form of transformers 5 and of the releases before', () => {
  const read = {
    layers: 3,
    heads: 4,
    keyValueHeads: 2,
    headWidth: 12,
    positions: 64,
    rmsNormEpsilon: 1e-6,
    activation: 'silu',
    rope: { theta: 500_000, fraction: 1, scaling: { kind: 'linear', factor: 4 } },
    windows: [null, null, null],
    tieWordEmbeddings: false,
    projectionBias: false,
    outputBias: false,
    headNormEpsilon: null,
    feedForwardBias: false,
  }
  const old = { rope_theta: 500_000, rope_scaling: { type: 'linear', factor: 4 } }
  const now = { rope_parameters: { rope_type: 'linear', rope_theta: 500_000, factor: 4 } }
  expect(llamaConfig({ ...llama, ...old })).toEqual(read)
  expect(llamaConfig({ ...llama, ...now })).toEqual(read)
  expect(llamaConfig({ ...llama, head_dim: 16, num_key_value_heads: null })).toMatchObject({
    headWidth: 16,
    keyValueHeads: 4,
    rope: { theta: 10_000, scaling: { kind: 'default' } },
  })
})

test('Qwen 2 and Mistral are Llama, with attention that is cut to a window where they say so', () => {
  const qwen = { ...llama, use_sliding_window: false, sliding_window: 8 }
  expect(qwen2Config(qwen)).toEqual({ ...llamaConfig(llama), projectionBias: true })
  const cut = { ...qwen, use_sliding_window: true }
  expect(qwen2Config(cut)).toMatchObject({ windows: [null, null, null] }) // its first 28 layers are whole
  expect(qwen2Config({ ...cut, max_window_layers: 1 })).toMatchObject({ windows: [null, 8, 8] })
  const kinds = ['sliding_attention', 'full_attention', 'sliding_attention']
  expect(qwen2Config({ ...cut, layer_types: kinds })).toMatchObject({ windows: [8, null, 8] })
  const mistral = { ...llama, max_position_embeddings: 8192 }
  expect(mistralConfig({ ...mistral, sliding_window: null })).toMatchObject({
    positions: 8192,
    windows: [null, null, null],
  })
  expect(mistralConfig({ ...mistral, sliding_window: 9 })).toMatchObject({ windows: [9, 9, 9] })
  expect(mistralConfig(mistral)).toMatchObject({ windows: [4096, 4096, 4096] })
})

test('a kind of layer that is not known is refused', () => {
  const cut = { ...llama, use_sliding_window: true, layer_types: ['linear_attention'] }
  expect(() => qwen2Config(cut)).toThrow('layer_types "linear_attention" is not supported')
})

test('Qwen 3 normalises each head, and has biases only where it says so', () => {
  expect(qwen3Config({ ...llama, rms_norm_eps: 1e-5 })).toMatchObject({
    headWidth: 128,
    headNormEpsilon: 1e-5,
    projectionBias: false,
    outputBias: false,
  })
  const biased = { ...llama, head_dim: 20, attention_bias: true, mlp_bias: true }
  expect(qwen3Config(biased)).toMatchObject({
    headWidth: 20,
    projectionBias: true,
    outputBias: true,
    feedForwardBias: false,
  })
  expect(llamaConfig(biased)).toMatchObject({ feedForwardBias: true, outputBias: true })
})

test('a Llama that is not one, or whose sizes do not fit, is refused with the field', () => {
  expect(() => llamaConfig({ ...llama, architectures: ['LlamaForTokenClassification'] })).toThrow(
    'architectures "LlamaForTokenClassification" is not supported',
  )
  expect(() => llamaConfig({ ...llama, num_hidden_layers: 1.5 })).toThrow(
    'num_hidden_layers expected a whole number above 0',
  )
  expect(() => llamaConfig({ ...llama, num_key_value_heads: 3 })).toThrow(
    'num_attention_heads 4 is not a multiple of num_key_value_heads 3',
  )
  expect(() => llamaConfig({ ...llama, hidden_size: 50 })).toThrow(
    'hidden_size 50 is not a multiple of num_attention_heads 4',
  )
  expect(() => llamaConfig({ ...llama, rope_scaling: { rope_type: 'spiral', factor: 2 } })).toThrow(
    'rope_type "spiral"',
  )
})

test('every fourth layer of SmolLM3 knows no positions, unless it says otherwise', () => {
  const smol = { ...llama, num_hidden_layers: 5, num_key_value_heads: 4 }
  expect(smolLm3Config(smol)).toMatchObject({
    turns: [true, true, true, false, true],
    windows: [null, null, null, null, null],
    tieWordEmbeddings: true,
    rope: { theta: 2_000_000 },
  })
  const cut = { ...smol, no_rope_layers: [1, 0, 1, 1, 0], use_sliding_window: true, sliding_window: 6 }
  expect(smolLm3Config(cut)).toMatchObject({
    turns: [true, false, true, true, false],
    windows: [null, 6, null, null, 6],
  })
  expect(smolLm3Config({ ...smol, no_rope_layer_interval: 2 }).turns).toEqual([
    true,
    false,
    true,
    false,
    true,
  ])
})
