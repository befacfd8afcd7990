import { expect, test } from 'vitest'
import { gpt2Config } from './gpt2.js'

test('a GPT-2 configuration has the defaults of transformers', () => {
  expect(gpt2Config({ n_layer: 2, n_head: 6 })).toEqual({
    layers: 2,
    heads: 6,
    layerNormEpsilon: 1e-5,
    activation: 'gelu_new',
    scaleAttention: true,
  })
})

test('a GPT-2 that computes otherwise, or that has another head, is refused with the field', () => {
  const gpt2 = { n_layer: 2, n_head: 2 }
  expect(() => gpt2Config({ ...gpt2, add_cross_attention: true })).toThrow('add_cross_attention')
  expect(() => gpt2Config({ n_layer: 2 })).toThrow('n_head expected a number')
  expect(() => gpt2Config({ ...gpt2, architectures: ['GPT2ForTokenClassification'] })).toThrow(
    'architectures "GPT2ForTokenClassification"',
  )
})
