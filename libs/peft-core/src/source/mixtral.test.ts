import { expect, test } from 'vitest'
import { mixtralConfig } from './mixtral.js'

const mixtral = { hidden_size: 48, num_attention_heads: 8, num_hidden_layers: 2 }

test('a Mixtral configuration has the defaults of transformers', () => {
  expect(mixtralConfig(mixtral)).toMatchObject({
    experts: 8,
    expertsPerToken: 2,
    normalises: true,
    keyValueHeads: 8,
    rmsNormEpsilon: 1e-5,
    rope: { theta: 1_000_000 },
    windows: [null, null],
  })
  const others = { num_local_experts: 5, num_experts_per_tok: 3, sliding_window: 6, head_dim: 10 }
  expect(mixtralConfig({ ...mixtral, ...others })).toMatchObject({
    experts: 5,
    expertsPerToken: 3,
    windows: [6, 6],
    headWidth: 10,
  })
})
