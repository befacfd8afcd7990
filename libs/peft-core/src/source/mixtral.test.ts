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

test('a loss of the routers beside that of the predictions is refused, unless it counts for nothing', () => {
  const asked = { ...mixtral, output_router_logits: true }
  expect(() => mixtralConfig(asked)).toThrow('output_router_logits true is not supported')
  expect(() => mixtralConfig({ ...asked, router_aux_loss_coef: 0.5 })).toThrow('output_router_logits')
  expect(mixtralConfig({ ...asked, router_aux_loss_coef: 0 })).toMatchObject({ experts: 8 })
})

test('more layers than any transformer has are refused before anything is made for them', () => {
  expect(mixtralConfig({ ...mixtral, num_hidden_layers: 1024 }).windows).toHaveLength(1024)
  expect(() => mixtralConfig({ ...mixtral, num_hidden_layers: 1e9 })).toThrow(
    'num_hidden_layers expected at most 1024, got 1000000000',
  )
})
