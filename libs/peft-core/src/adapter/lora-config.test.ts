import { expect, test } from 'vitest'
import { checkedLora, createLoraConfig, rankOf, scalingOf } from './lora-config.js'

const config = createLoraConfig({
  method: 'lora',
  rank: 4,
  alpha: 10,
  targets: ['q_proj', 'k_proj'],
  rslora: false,
})

test('the factor is alpha / rank, or alpha / sqrt(rank) with rslora', () => {
  expect(scalingOf(config, 'model.layers.0.q_proj')).toBe(2.5)
  expect(scalingOf({ ...config, rslora: true }, 'model.layers.0.q_proj')).toBe(5)
})

test('a pattern matches the end of a path from the start of a segment', () => {
  const patterned = {
    ...config,
    rankPattern: { 'layers.1.self_attn.q_proj': 6 },
    alphaPattern: { k_proj: 3 },
  }
  expect(rankOf(patterned, 'model.layers.1.self_attn.q_proj')).toBe(6)
  expect(rankOf(patterned, 'model.layers.11.self_attn.q_proj')).toBe(4)
  expect(scalingOf(patterned, 'model.layers.1.self_attn.q_proj')).toBe(10 / 6)
  expect(scalingOf(patterned, 'model.layers.1.self_attn.k_proj')).toBe(0.75)
  expect(scalingOf(patterned, 'model.layers.1.self_attn.xk_proj')).toBe(2.5)
  expect(scalingOf(patterned, 'model.layers.1.k_proj.inner')).toBe(2.5)
})

test('a pattern may be a regular expression, and the first that matches counts', () => {
  const patterned = { ...config, rankPattern: { 'layers\\.[01]\\..*': 2, q_proj: 9, '(?:up|down)_proj': 5 } }
  expect(rankOf(patterned, 'model.layers.1.q_proj')).toBe(2)
  expect(rankOf(patterned, 'model.layers.2.q_proj')).toBe(9)
  expect(rankOf(patterned, 'model.layers.3.mlp.down_proj')).toBe(5)
})

test('ranks and scales that cannot be used are refused by name', () => {
  expect(() => checkedLora({ ...config, rank: 0 })).toThrow('r expected a rank of 1 or more, got 0')
  expect(() => checkedLora({ ...config, rankPattern: { q_proj: 2.5 } })).toThrow('q_proj expected a rank')
  expect(() => checkedLora({ ...config, alpha: Number.NaN })).toThrow(
    'lora_alpha expected a number above 0, got NaN',
  )
  expect(() => checkedLora({ ...config, dropout: 1 })).toThrow('lora_dropout')
  expect(() => checkedLora({ ...config, targetModules: [] })).toThrow(
    'target_modules expected one module or more',
  )
})
