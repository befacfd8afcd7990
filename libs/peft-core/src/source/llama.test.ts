import { expect, test } from 'vitest'
import { llamaConfig } from './llama.js'

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
    rope: { kind: 'linear', theta: 500_000, factor: 4 },
    windows: [null, null, null],
    tieWordEmbeddings: false,
  }
  const old = { rope_theta: 500_000, rope_scaling: { type: 'linear', factor: 4 } }
  const now = { rope_parameters: { rope_type: 'linear', rope_theta: 500_000, factor: 4 } }
  expect(llamaConfig({ ...llama, ...old })).toEqual(read)
  expect(llamaConfig({ ...llama, ...now })).toEqual(read)
  expect(llamaConfig({ ...llama, head_dim: 16, num_key_value_heads: null })).toMatchObject({
    headWidth: 16,
    keyValueHeads: 4,
    rope: { kind: 'default', theta: 10_000 },
  })
})

test('Llama 3 scales its rotary frequencies', () => {
  const scaling = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  }
  expect(llamaConfig({ ...llama, rope_scaling: scaling })).toMatchObject({
    rope: { kind: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 32 },
  })
})

test('Qwen 2 and Mistral are Llama, with attention that is cut to a window where they say so', () => {
  const qwen = { ...llama, model_type: 'qwen2', use_sliding_window: false, sliding_window: 8 }
  expect(llamaConfig(qwen)).toEqual(llamaConfig(llama))
  const cut = { ...qwen, use_sliding_window: true }
  expect(llamaConfig(cut)).toMatchObject({ windows: [null, null, null] }) // its first 28 layers are whole
  expect(llamaConfig({ ...cut, max_window_layers: 1 })).toMatchObject({ windows: [null, 8, 8] })
  const kinds = ['sliding_attention', 'full_attention', 'sliding_attention']
  expect(llamaConfig({ ...cut, layer_types: kinds })).toMatchObject({ windows: [8, null, 8] })
  const mistral = { ...llama, model_type: 'mistral', max_position_embeddings: 8192 }
  expect(llamaConfig({ ...mistral, sliding_window: null })).toMatchObject({
    positions: 8192,
    windows: [null, null, null],
  })
  expect(llamaConfig({ ...mistral, sliding_window: 9 })).toMatchObject({ windows: [9, 9, 9] })
  expect(llamaConfig(mistral)).toMatchObject({ windows: [4096, 4096, 4096] })
})

test('a Llama that is not one, or whose sizes do not fit, is refused with the field', () => {
  expect(() => llamaConfig({ ...llama, architectures: ['LlamaForSequenceClassification'] })).toThrow(
    'architectures "LlamaForSequenceClassification" is not supported',
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
  expect(() => llamaConfig({ ...llama, rope_scaling: { rope_type: 'yarn', factor: 2 } })).toThrow(
    'rope_type "yarn"',
  )
})
