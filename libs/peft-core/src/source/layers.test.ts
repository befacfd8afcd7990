import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { reference } from '../runtime/reference.js'
import { activation, additiveMask, type Layers } from './layers.js'

const layersOf = (rows: number, columns: number): Layers => ({
  builder: createBuilder(),
  weights: {
    get: () => expect.fail('a weight is asked for'),
    blocks: () => undefined,
    rows: () => expect.fail('a weight is asked for'),
    find: () => undefined,
    slice: () => undefined,
  },
  batch: { rows, columns },
})

/** 1 where a token may look. */
async function maskOf(causal: boolean, attention: readonly number[], window?: number): Promise<number[]> {
  const layers = layersOf(1, attention.length)
  const attentionMask = layers.builder.input('attention_mask', 'int64', [1, attention.length])
  const mask = additiveMask(layers, { causal, attentionMask, ...(window === undefined ? {} : { window }) })
  if (mask === undefined) throw new TypeError('expected a mask')
  layers.builder.output(mask)
  const session = await reference.open(layers.builder.build())
  const values = await session.run(new Map([['attention_mask', Int32Array.from(attention)]]))
  return Array.from(values.get(mask.name)?.data ?? [], (added) => (added === 0 ? 1 : 0))
}

test('a causal token sees itself and those before it, without the padding', async () => {
  expect(await maskOf(true, [0, 1, 1])).toEqual(
    [
      [0, 0, 0],
      [0, 1, 0],
      [0, 1, 1],
    ].flat(),
  )
})

test('a window of two tokens is the token and the one before it', async () => {
  expect(await maskOf(true, [1, 1, 1, 1], 2)).toEqual(
    [
      [1, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 1],
    ].flat(),
  )
})

test('a token that is not causal sees all but the padding', async () => {
  expect(await maskOf(false, [1, 0, 1])).toEqual([1, 0, 1])
})

// transformers 5.18: ACT2FN[name](torch.tensor([-1.3, 0.7], dtype=torch.float64))
test.each([
  ['gelu', [-0.12584063, 0.53062544]],
  ['gelu_python', [-0.12584063, 0.53062544]],
  ['gelu_new', [-0.12607099, 0.53057013]],
  ['gelu_pytorch_tanh', [-0.12607099, 0.53057013]],
  ['gelu_python_tanh', [-0.12607099, 0.53057013]],
  ['gelu_accurate', [-0.12607099, 0.53057013]],
  ['gelu_fast', [-0.12607099, 0.53057013]],
  ['quick_gelu', [-0.12821211, 0.53689395]],
  ['relu', [0.0, 0.7]],
  ['silu', [-0.27841452, 0.46773144]],
  ['swish', [-0.27841452, 0.46773144]],
  ['tanh', [-0.86172316, 0.60436778]],
])('activation %s is that of transformers', async (name, expected) => {
  const layers = layersOf(1, 1)
  const y = activation(layers, name, layers.builder.input('x', 'float32', [2]))
  layers.builder.output(y)
  const session = await reference.open(layers.builder.build())
  const found = (await session.run(new Map([['x', Float64Array.of(-1.3, 0.7)]]))).get(y.name)?.data ?? []
  for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 6)
})

test('an unknown activation is named', () => {
  const layers = layersOf(1, 1)
  const x = layers.builder.input('x', 'float32', [2])
  expect(() => activation(layers, 'relu6', x)).toThrow('activation "relu6" is not supported')
})
