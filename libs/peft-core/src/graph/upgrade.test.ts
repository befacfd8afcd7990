import { expect, test } from 'vitest'
import { reference } from '../runtime/reference.js'
import { weightBytes } from './constant.js'
import { type Attribute, type Element, float, int, ints, text, type Weight } from './graph.js'
import { UnsupportedOperators } from './onnx-error.js'
import type { OnnxModel, OnnxNode } from './onnx-model.js'
import { specialise } from './specialise.js'

type Attributes = Readonly<Record<string, Attribute>>

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
  domain = '',
): OnnxNode {
  return { name: op, op, domain, inputs, outputs, attributes, opaque: new Map(), metadata: new Map() }
}

function weight(
  name: string,
  values: readonly number[],
  shape: readonly number[],
  element: Element = 'float32',
): Weight {
  return { name, element, shape, data: { kind: 'bytes', bytes: weightBytes(values, element) } }
}

/** A model of the input `x` and the output `y`. */
function model(version: number, nodes: readonly OnnxNode[], weights: readonly Weight[] = []): OnnxModel {
  return {
    irVersion: 8,
    operatorSets: new Map([
      ['', version],
      ['com.microsoft', 1],
    ]),
    producer: 'test',
    inputs: [{ name: 'x', kind: 'tensor', element: 'float32', sides: undefined }],
    outputs: [{ name: 'y', kind: 'tensor', element: 'float32', sides: undefined }],
    initializers: new Map(weights.map((given) => [given.name, given])),
    nodes,
    metadata: new Map(),
  }
}

async function run(given: OnnxModel, x: readonly number[], shape: readonly number[], outputs = ['y']) {
  const inputs = given.inputs.map((input) => ({ ...input, sides: shape }))
  const graph = specialise({ ...given, inputs }, { shapes: new Map([['x', shape]]), outputs })
  const session = await reference.open(graph)
  const results = await session.run(new Map([['x', Float32Array.from(x)]]))
  return outputs.map((name) => {
    const { data, shape: sides } = results.get(name) ?? { data: [], shape: [] }
    return { shape: sides, values: Array.from(data, (value) => Math.round(value * 1e4) / 1e4) }
  })
}

const first = async (...args: Parameters<typeof run>) => (await run(...args))[0]

test('softmax before operator set 13 runs over all axes from its axis on', async () => {
  const x = [Math.log(1), Math.log(2), Math.log(3), Math.log(4)]
  const softmax = node('Softmax', ['x'], ['y'], { axis: int(1) })
  expect(await first(model(11, [softmax]), x, [1, 2, 2])).toEqual({
    shape: [1, 2, 2],
    values: [0.1, 0.2, 0.3, 0.4],
  })
  expect((await first(model(13, [softmax]), x, [1, 2, 2]))?.values).toEqual([0.25, 0.3333, 0.75, 0.6667])
})

test('softmax without an axis means axis 1 before operator set 13 and the last one since', async () => {
  const x = [Math.log(1), Math.log(2), Math.log(3), Math.log(4)]
  const softmax = node('LogSoftmax', ['x'], ['l'])
  const nodes = [softmax, node('Exp', ['l'], ['y'])]
  expect((await first(model(12, nodes), x, [1, 2, 2]))?.values).toEqual([0.1, 0.2, 0.3, 0.4])
  expect((await first(model(21, nodes), x, [1, 2, 2]))?.values).toEqual([0.3333, 0.6667, 0.4286, 0.5714])
})

test('axes that were attributes become inputs', async () => {
  const nodes = [
    node('Unsqueeze', ['x'], ['u'], { axes: ints([0, 3]) }),
    node('ReduceSum', ['u'], ['s'], { axes: ints([-2]), keepdims: int(0) }),
    node('Squeeze', ['s'], ['y'], { axes: ints([0]) }),
  ]
  expect(await first(model(11, nodes), [1, 2, 3, 4, 5, 6], [2, 3])).toEqual({
    shape: [2, 1],
    values: [6, 15],
  })
  const mean = node('ReduceMean', ['x'], ['y'], { axes: ints([0]) })
  expect(await first(model(17, [mean]), [1, 2, 3, 4, 5, 6], [2, 3])).toEqual({
    shape: [1, 3],
    values: [2.5, 3.5, 4.5],
  })
})

test('the parts of a split were an attribute, or equal', async () => {
  const uneven = node('Split', ['x'], ['y', 'z'], { axis: int(1), split: ints([1, 2]) })
  const [y, z] = await run(model(11, [uneven]), [1, 2, 3, 4, 5, 6], [2, 3], ['y', 'z'])
  expect([y, z]).toEqual([
    { shape: [2, 1], values: [1, 4] },
    { shape: [2, 2], values: [2, 3, 5, 6] },
  ])
  const even = node('Split', ['x'], ['y', 'z'], { axis: int(0) })
  expect((await run(model(13, [even]), [1, 2, 3, 4], [2, 2], ['z']))[0]?.values).toEqual([3, 4])
})

test('bounds and ranges that were attributes become inputs', async () => {
  const clip = node('Clip', ['x'], ['c'], { max: float(2.5) })
  const slice = node('Slice', ['c'], ['y'], { starts: ints([-2]), ends: ints([9]), axes: ints([1]) })
  expect((await first(model(9, [clip, slice]), [1, 2, 3, -4, 5, 2], [2, 3]))?.values).toEqual([
    2, 2.5, 2.5, 2,
  ])
})

test('dropout keeps everything, and is refused where the model wants it to train', async () => {
  const dropout = node('Dropout', ['x', 'ratio', 'mode'], ['y'])
  const weights = [weight('ratio', [0.5], []), weight('mode', [0], [], 'bool')]
  expect((await first(model(13, [dropout], weights), [1.5, -2], [2]))?.values).toEqual([1.5, -2])
  const training = [weight('ratio', [0.5], []), weight('mode', [1], [], 'bool')]
  await expect(first(model(13, [dropout], training), [1, 2], [2])).rejects.toThrow(/in training mode/)
  const [, mode] = training
  const idle = [weight('ratio', [0], []), ...(mode === undefined ? [] : [mode])]
  expect((await first(model(13, [dropout], idle), [1.5, -2], [2]))?.values).toEqual([1.5, -2])
})

test('a constant is read in any of its forms', async () => {
  const nodes = [
    node('Constant', [], ['a'], { value_float: float(1.5) }),
    node('Constant', [], ['b'], { value_floats: { kind: 'floats', value: [10, 20] } }),
    node('Constant', [], ['c'], { value: { kind: 'tensor', value: weight('', [3], [1]) } }),
    node('Constant', [], ['axes'], { value_ints: ints([0]) }),
    node('Sum', ['x', 'a', 'b', 'c'], ['sum']),
    node('Unsqueeze', ['sum', 'axes'], ['y']),
  ]
  expect(await first(model(13, nodes), [100, 200], [2])).toEqual({ shape: [1, 2], values: [114.5, 224.5] })
})

test('operators newer than set 21 and fused ones are spelt out', async () => {
  const rms = node('RMSNormalization', ['x', 'scale'], ['r'], { epsilon: float(0) })
  const swish = node('Swish', ['r'], ['y'], { alpha: float(2) })
  // [3, 4] / sqrt(12.5) = [0.8485, 1.1314]; times [1, 2]; x / (1 + exp(-2 x))
  const result = await first(model(24, [rms, swish], [weight('scale', [1, 2], [2])]), [3, 4], [1, 2])
  expect(result?.values).toEqual([0.7171, 2.2385])
  const bias = node('BiasGelu', ['x', 'bias'], ['y'], {}, 'com.microsoft')
  expect((await first(model(17, [bias], [weight('bias', [1, -2], [2])]), [1, 3], [2]))?.values).toEqual([
    1.9545, 0.8413,
  ])
})

test('a skip normalisation adds before it normalises, and gives the sum', async () => {
  const skip = node(
    'SkipLayerNormalization',
    ['x', 'skip', 'scale', 'shift', 'bias'],
    ['y', '', '', 'sum'],
    { epsilon: float(0) },
    'com.microsoft',
  )
  const weights = [
    weight('skip', [1, 1], [1, 2]),
    weight('scale', [2, 2], [2]),
    weight('shift', [5, 5], [2]),
    weight('bias', [0, 4], [2]),
  ]
  const [y, sum] = await run(model(17, [skip], weights), [1, 3], [1, 2], ['y', 'sum'])
  expect(sum?.values).toEqual([2, 8])
  expect(y?.values).toEqual([3, 7]) // (-1, 1) times 2 plus 5
})

test('every operator that is not supported is named once, with its number and a place', () => {
  const nodes = [
    node('Unique', ['x'], ['a']),
    node('Unique', ['a'], ['b']),
    { ...node('If', ['b'], ['c']), opaque: new Map([['then_branch', 'graph']]) },
    node('Attention', ['c'], ['y'], { mode: text('x') }, 'com.example'),
  ]
  const attempt = () => specialise(model(17, nodes), { shapes: new Map(), outputs: ['y'] })
  expect(attempt).toThrow(UnsupportedOperators)
  expect(attempt).toThrow(
    'Unique (2, first at Unique); If with graph (1, first at If); com.example.Attention (1, first at Attention)',
  )
})

test('operator sets that are too old or too new are refused', () => {
  const attempt = (version: number) => () =>
    specialise(model(version, []), { shapes: new Map(), outputs: [] })
  expect(attempt(6)).toThrow(/operator set 6; export it with one from 7 to 28/)
  expect(attempt(29)).toThrow(/operator set 29/)
})
