import { expect, test } from 'vitest'
import { createLoraConfig, type LoraConfig } from './lora-config.js'
import { targetModules } from './target-modules.js'

const layers = [0, 1, 10].flatMap((layer) =>
  ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.up_proj'].map((name) => `model.layers.${layer}.${name}`),
)
const linears = [...layers, 'lm_head']
const base = createLoraConfig({ method: 'lora', rank: 2, alpha: 2, targets: ['q_proj'], rslora: false })
const matched = (fields: Partial<LoraConfig>) => targetModules({ ...base, ...fields }, linears, 'lm_head')
const inLayer = (layer: number) => layers.filter((path) => path.includes(`.${layer}.`))

test('a list matches whole paths and ends of paths, segment by segment', () => {
  expect(matched({ targetModules: ['up_proj', 'layers.1.self_attn.v_proj'] })).toEqual([
    'model.layers.0.mlp.up_proj',
    'model.layers.1.self_attn.v_proj',
    'model.layers.1.mlp.up_proj',
    'model.layers.10.mlp.up_proj',
  ])
  expect(() => matched({ targetModules: ['proj'] })).toThrow(
    'proj match no module; the model has q_proj, v_proj, up_proj, lm_head',
  )
})

test('a text is a regular expression of the whole path', () => {
  expect(matched({ targetModules: '.*\\.0\\..*(q|up)_proj' })).toEqual([layers[0], layers[2]])
  expect(matched({ targetModules: '(?i)LM_HEAD|.*\\.1\\.(?P<part>mlp)\\..*\\Z' })).toEqual([
    layers[5],
    'lm_head',
  ])
  expect(() => matched({ targetModules: 'q_proj' })).toThrow('"q_proj" match no module')
  expect(() => matched({ targetModules: '*q' })).toThrow('pattern "*q" is no regular expression')
  expect(() => matched({ targetModules: '(?x)q' })).toThrow('has flags "x"')
})

test('all-linear is every linear module except the output layer, in any letter case', () => {
  expect(matched({ targetModules: 'all-linear' })).toEqual(layers)
  expect(matched({ targetModules: 'ALL-linear', excludeModules: ['mlp.up_proj'] })).toHaveLength(6)
})

test('the output layer is a target when it is named', () => {
  expect(matched({ targetModules: ['lm_head'] })).toEqual(['lm_head'])
})

test('excluded modules stay out, listed or as a regular expression', () => {
  expect(matched({ excludeModules: ['layers.1.self_attn.q_proj'] })).toEqual([layers[0], layers[6]])
  expect(matched({ excludeModules: '.*\\.10?\\..*' })).toEqual([layers[0]])
})

test('layers_to_transform takes the first number of a path, after the named list of layers', () => {
  const all = { targetModules: ['q_proj', 'v_proj', 'up_proj'] }
  expect(matched({ ...all, layersToTransform: 10 })).toEqual(inLayer(10))
  expect(matched({ ...all, layersToTransform: [0, 1], layersPattern: ['h', 'layers'] })).toEqual([
    ...inLayer(0),
    ...inLayer(1),
  ])
  expect(() => matched({ ...all, layersToTransform: [0], layersPattern: 'h' })).toThrow('match no module')
  const expert = 'model.layers.0.experts.10.up_proj'
  const targets = { ...base, targetModules: ['up_proj'], layersToTransform: [10] }
  expect(targetModules(targets, [expert, ...linears])).toEqual(['model.layers.10.mlp.up_proj'])
})
