import { expect, test } from 'vitest'
import { holdsTarget, isTargetParameter, wrapperPaths } from './expert-targets.js'

const [both, out] = ['model.layers.3.mlp.experts.gate_up_proj', 'model.layers.3.mlp.experts.down_proj']

test('a target is a whole path or the end of one, segment by segment', () => {
  expect(isTargetParameter(['experts.down_proj'], out)).toBe(true)
  expect(isTargetParameter([out], out)).toBe(true)
  expect(isTargetParameter(['perts.down_proj', 'gate_up_proj.weight'], out)).toBe(false)
})

test('the first of several parameters of a module is wrapped innermost', () => {
  const router = 'model.layers.3.mlp.gate.weight'
  expect([...wrapperPaths([router, both, out])]).toEqual([
    [router, 'model.layers.3.mlp.gate'],
    [both, 'model.layers.3.mlp.experts.base_layer'],
    [out, 'model.layers.3.mlp.experts'],
  ])
})

test('a module holds a target with and without further wrappers', () => {
  const targets = ['mlp.experts.down_proj']
  expect(holdsTarget(targets, 'model.layers.3.mlp.experts')).toBe(true)
  expect(holdsTarget(targets, 'model.layers.3.mlp.experts.base_layer')).toBe(true)
  expect(holdsTarget(targets, 'model.layers.3.self_attn.q_proj')).toBe(false)
})
