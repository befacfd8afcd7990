import { expect, test } from 'vitest'
import { parseModelConfig } from './config.js'

const llama = {
  model_type: 'llama',
  hidden_size: 48,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 3,
  max_position_embeddings: 64,
}

test('a GPT-2 configuration has the defaults of transformers', () => {
  expect(parseModelConfig({ model_type: 'gpt2', n_layer: 2, n_head: 6 })).toEqual({
    family: 'gpt2',
    layers: 2,
    heads: 6,
    layerNormEpsilon: 1e-5,
    activation: 'gelu_new',
    scaleAttention: true,
  })
})

test('a Llama configuration is read in the form of transformers 5 and of the releases before', () => {
  const read = {
    family: 'llama',
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
  expect(parseModelConfig({ ...llama, ...old })).toEqual(read)
  expect(parseModelConfig({ ...llama, ...now })).toEqual(read)
  expect(parseModelConfig({ ...llama, head_dim: 16, num_key_value_heads: null })).toMatchObject({
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
  expect(parseModelConfig({ ...llama, rope_scaling: scaling })).toMatchObject({
    rope: { kind: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 32 },
  })
})

test('Qwen 2 and Mistral are Llama, with attention that is cut to a window where they say so', () => {
  const qwen = { ...llama, model_type: 'qwen2', use_sliding_window: false, sliding_window: 8 }
  expect(parseModelConfig(qwen)).toEqual(parseModelConfig(llama))
  const cut = { ...qwen, use_sliding_window: true }
  expect(parseModelConfig(cut)).toMatchObject({ windows: [null, null, null] }) // its first 28 layers are whole
  expect(parseModelConfig({ ...cut, max_window_layers: 1 })).toMatchObject({ windows: [null, 8, 8] })
  const kinds = ['sliding_attention', 'full_attention', 'sliding_attention']
  expect(parseModelConfig({ ...cut, layer_types: kinds })).toMatchObject({ windows: [8, null, 8] })
  const mistral = { ...llama, model_type: 'mistral', max_position_embeddings: 8192 }
  expect(parseModelConfig({ ...mistral, sliding_window: null })).toMatchObject({
    family: 'llama',
    positions: 8192,
    windows: [null, null, null],
  })
  expect(parseModelConfig({ ...mistral, sliding_window: 9 })).toMatchObject({ windows: [9, 9, 9] })
  expect(parseModelConfig(mistral)).toMatchObject({ windows: [4096, 4096, 4096] })
})

test('a BERT configuration says which head it has', () => {
  const bert = { model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4 }
  expect(parseModelConfig({ ...bert, architectures: ['BertForSequenceClassification'] })).toMatchObject({
    family: 'bert',
    head: 'classifier',
    layerNormEpsilon: 1e-12,
  })
  expect(parseModelConfig({ ...bert, architectures: ['BertForMaskedLM'] })).toMatchObject({
    head: 'masked-words',
  })
  expect(() => parseModelConfig({ ...bert, architectures: ['BertModel'] })).toThrow('got ["BertModel"]')
})

test('a head or a loss that is not built is refused', () => {
  const bert = { model_type: 'bert', num_hidden_layers: 2, num_attention_heads: 4 }
  const classifier = { ...bert, architectures: ['BertForSequenceClassification'] }
  expect(() => parseModelConfig({ ...classifier, problem_type: 'regression' })).toThrow(
    'problem_type "regression"',
  )
  expect(() => parseModelConfig({ ...classifier, id2label: { 0: 'LABEL_0' } })).toThrow('num_labels 1')
  expect(parseModelConfig({ ...classifier, id2label: { 0: 'no', 1: 'yes' } })).toMatchObject({
    head: 'classifier',
  })
  expect(() => parseModelConfig({ ...llama, architectures: ['LlamaForSequenceClassification'] })).toThrow(
    'architectures "LlamaForSequenceClassification" is not supported',
  )
  expect(() =>
    parseModelConfig({
      model_type: 'gpt2',
      n_layer: 2,
      n_head: 2,
      architectures: ['GPT2ForTokenClassification'],
    }),
  ).toThrow('architectures "GPT2ForTokenClassification"')
})

test('what is not built is refused with the field and its value', () => {
  expect(() => parseModelConfig({ model_type: 't5' })).toThrow('model_type "t5" is not supported')
  expect(() => parseModelConfig([])).toThrow('config.json expected an object')
  expect(() =>
    parseModelConfig({ model_type: 'gpt2', n_layer: 2, n_head: 2, add_cross_attention: true }),
  ).toThrow('add_cross_attention')
  expect(() => parseModelConfig({ model_type: 'gpt2', n_layer: 2 })).toThrow('n_head expected a number')
  expect(() => parseModelConfig({ ...llama, num_hidden_layers: 1.5 })).toThrow(
    'num_hidden_layers expected a whole number above 0',
  )
  expect(() => parseModelConfig({ ...llama, num_key_value_heads: 3 })).toThrow(
    'num_attention_heads 4 is not a multiple of num_key_value_heads 3',
  )
  expect(() => parseModelConfig({ ...llama, hidden_size: 50 })).toThrow(
    'hidden_size 50 is not a multiple of num_attention_heads 4',
  )
  expect(() => parseModelConfig({ ...llama, rope_scaling: { rope_type: 'yarn', factor: 2 } })).toThrow(
    'rope_type "yarn"',
  )
})
