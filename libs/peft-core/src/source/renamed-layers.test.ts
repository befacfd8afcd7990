import { expect, test } from 'vitest'
import { withPyTorchNames } from './renamed-layers.js'

const renamed = (paths: readonly string[]): readonly string[] =>
  withPyTorchNames(
    paths.map((path) => ({
      path,
      inFeatures: 2,
      outFeatures: 2,
      node: path,
      weight: path,
      weightLayout: 'in-out',
    })),
  ).map(({ path }) => path)

test('the decoder of OPT is in its model', () => {
  const paths = ['decoder.layers.1.self_attn.q_proj', 'decoder.layers.1.fc1', 'lm_head']
  expect(renamed(paths)).toEqual([
    'model.decoder.layers.1.self_attn.q_proj',
    'model.decoder.layers.1.fc1',
    'lm_head',
  ])
})

test('the attention of Phi ends in dense, that of other families in o_proj', () => {
  expect(renamed(['model.layers.2.self_attn.o_proj', 'model.layers.2.mlp.fc1'])[0]).toBe(
    'model.layers.2.self_attn.dense',
  )
  expect(renamed(['model.layers.2.self_attn.o_proj', 'model.layers.2.mlp.up_proj'])[0]).toBe(
    'model.layers.2.self_attn.o_proj',
  )
})
