import { expect, test } from 'vitest'
import { phi3Config } from './phi3.js'

const phi = { hidden_size: 48, num_attention_heads: 4, num_hidden_layers: 2 }

test('a Phi-3 configuration has the defaults of transformers', () => {
  expect(phi3Config(phi)).toMatchObject({
    headWidth: 12,
    keyValueHeads: 4,
    positions: 4096,
    rmsNormEpsilon: 1e-5,
    activation: 'silu',
    windows: [null, null],
    rope: { theta: 10_000, fraction: 1, scaling: { kind: 'default' } },
  })
})

test('longrope takes the length of pre-training from outside its settings', () => {
  const factors = { short_factor: [1, 1.5], long_factor: [2, 2.5] }
  const scaling = { type: 'su', ...factors, original_max_position_embeddings: 7 }
  const fields = { ...phi, max_position_embeddings: 64, original_max_position_embeddings: 16 }
  expect(phi3Config({ ...fields, rope_scaling: scaling, sliding_window: 9 })).toMatchObject({
    windows: [9, 9],
    rope: {
      scaling: {
        kind: 'longrope',
        originalPositions: 16,
        shortFactors: [1, 1.5],
        longFactors: [2, 2.5],
        amplitude: Math.sqrt(1.5), // sqrt(1 + ln 4 / ln 16)
      },
    },
  })
})
