import { expect, test } from 'vitest'
import { qwen2MoeConfig, qwen3MoeConfig } from './qwen-moe.js'

const qwen = { hidden_size: 48, num_attention_heads: 4, num_hidden_layers: 4, max_position_embeddings: 64 }

test('experts, their number for a token and how they are weighted are read', () => {
  const experts = { num_experts: 6, num_experts_per_tok: 3, norm_topk_prob: true, hidden_act: 'gelu' }
  expect(qwen2MoeConfig({ ...qwen, ...experts })).toMatchObject({
    experts: 6,
    expertsPerToken: 3,
    normalises: true,
    activation: 'gelu',
    sharesExpert: true,
    projectionBias: true,
    headNormEpsilon: null,
  })
  expect(qwen2MoeConfig({ ...qwen, qkv_bias: false })).toMatchObject({
    experts: 60,
    expertsPerToken: 4,
    normalises: false,
    projectionBias: false,
  })
  expect(qwen3MoeConfig({ ...qwen, num_local_experts: 6, num_experts_per_tok: 3 })).toMatchObject({
    experts: 6,
    keyValueHeads: 4,
    sharesExpert: false,
    headNormEpsilon: 1e-6,
  })
})

test('every step-th layer is sparse, but for those that are said to be dense', () => {
  expect(qwen2MoeConfig(qwen).sparse).toEqual([true, true, true, true])
  expect(qwen3MoeConfig({ ...qwen, decoder_sparse_step: 2 }).sparse).toEqual([false, true, false, true])
  const mixed = { ...qwen, decoder_sparse_step: 2, mlp_only_layers: [1] }
  expect(qwen2MoeConfig(mixed).sparse).toEqual([false, false, false, true])
  expect(() => qwen2MoeConfig({ ...qwen, mlp_only_layers: 1 })).toThrow('mlp_only_layers expected a list')
})

test('windows cut every other early layer of Qwen 2, and all of Qwen 3, when they are used', () => {
  const cut = { ...qwen, sliding_window: 7, max_window_layers: 3 }
  expect(qwen2MoeConfig(cut).windows).toEqual([null, null, null, null])
  expect(qwen2MoeConfig({ ...cut, use_sliding_window: true }).windows).toEqual([7, null, 7, null])
  expect(qwen3MoeConfig({ ...cut, use_sliding_window: true }).windows).toEqual([7, 7, 7, 7])
  expect(qwen3MoeConfig({ ...qwen, use_sliding_window: true }).windows[1]).toBe(4096)
})
