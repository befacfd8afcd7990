import { expect, test } from 'vitest'
import { gptNeoxConfig } from './gpt-neox.js'

const neox = { hidden_size: 48, num_attention_heads: 4, num_hidden_layers: 2, max_position_embeddings: 64 }

test('a GPT-NeoX configuration is read in the form of transformers 5 and of the releases before', () => {
  const settings = { rope_type: 'default', rope_theta: 500, partial_rotary_factor: 0.5 }
  const read = gptNeoxConfig({ ...neox, rope_parameters: settings })
  expect(gptNeoxConfig({ ...neox, rotary_emb_base: 500, rotary_pct: 0.5 })).toEqual(read)
  expect(read).toMatchObject({ headWidth: 12, keyValueHeads: 4, rope: { theta: 500, fraction: 0.5 } })
  expect(gptNeoxConfig(neox)).toMatchObject({
    activation: 'gelu',
    layerNormEpsilon: 1e-5,
    attentionBias: true,
    isParallel: true,
    rope: { theta: 10_000, fraction: 0.25 },
  })
})

test('attention and feed-forward may follow one another, and attention may have no biases', () => {
  const serial = { ...neox, use_parallel_residual: false, attention_bias: false, hidden_act: 'relu' }
  expect(gptNeoxConfig(serial)).toMatchObject({
    activation: 'relu',
    attentionBias: false,
    isParallel: false,
  })
})
