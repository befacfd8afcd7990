import { expect, test } from 'vitest'
import { gemma2Config, gemmaConfig } from './gemma.js'

const gemma = { hidden_size: 49, num_attention_heads: 4, num_hidden_layers: 3, num_key_value_heads: 2 }

test('embeddings are scaled by the root of the width, and the head is tied unless it says otherwise', () => {
  expect(gemmaConfig(gemma)).toMatchObject({
    embeddingScale: 7,
    headWidth: 256,
    positions: 8192,
    tieWordEmbeddings: true,
    windows: [null, null, null],
  })
  expect(gemmaConfig({ ...gemma, tie_word_embeddings: false, head_dim: 20 })).toMatchObject({
    headWidth: 20,
    tieWordEmbeddings: false,
  })
})

test('the gelu of the first releases is its approximation by tanh', () => {
  expect(gemmaConfig({ ...gemma, hidden_act: 'gelu' }).activation).toBe('gelu_pytorch_tanh')
  expect(gemmaConfig({ ...gemma, hidden_act: 'silu' }).activation).toBe('silu')
  expect(gemma2Config({ ...gemma, hidden_activation: 'gelu' }).activation).toBe('gelu')
})

test('Gemma 2 bounds scores and logits where it says so, and cuts every other layer to a window', () => {
  const read = gemma2Config({ ...gemma, query_pre_attn_scalar: 64, sliding_window: 9 })
  expect(read).toMatchObject({ scale: 0.125, scoreCap: 50, logitCap: 30, windows: [9, null, 9] })
  const free = { ...gemma, attn_logit_softcapping: null, final_logit_softcapping: 12, sliding_window: null }
  const config = gemma2Config(free)
  expect(config).toMatchObject({ logitCap: 12, windows: [null, null, null] })
  expect(config.scoreCap).toBeUndefined()
  const kinds = ['full_attention', 'sliding_attention', 'full_attention']
  expect(gemma2Config({ ...gemma, layer_types: kinds }).windows).toEqual([null, 4096, null])
})

test('attention that looks ahead is refused', () => {
  expect(() => gemma2Config({ ...gemma, use_bidirectional_attention: true })).toThrow(
    'use_bidirectional_attention true is not supported',
  )
})
