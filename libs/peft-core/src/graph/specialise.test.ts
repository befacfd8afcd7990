import { expect, test } from 'vitest'
import { constantFromWeight, weightBytes } from './constant.js'
import { type Attribute, type Element, int, ints, type Weight } from './graph.js'
import type { OnnxModel, OnnxNode, OnnxValue } from './onnx-model.js'
import { specialise } from './specialise.js'

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode {
  return { name: '', op, domain: '', inputs, outputs, attributes, opaque: new Map(), metadata: new Map() }
}

function weight(
  name: string,
  values: readonly number[],
  shape: readonly number[],
  element: Element = 'float32',
): Weight {
  return { name, element, shape, data: { kind: 'bytes', bytes: weightBytes(values, element) } }
}

const input = (name: string, sides: OnnxValue['sides'], element: Element = 'float32'): OnnxValue => ({
  name,
  kind: 'tensor',
  element,
  sides,
})

function model(
  inputs: readonly OnnxValue[],
  nodes: readonly OnnxNode[],
  weights: readonly Weight[],
): OnnxModel {
  return {
    irVersion: 10,
    operatorSets: new Map([['', 21]]),
    producer: 'test',
    inputs,
    outputs: [input('y', undefined)],
    initializers: new Map(weights.map((given) => [given.name, given])),
    nodes,
    metadata: new Map(),
  }
}

/** Splits the last axis into heads of 2, by sizes that it computes from the shape of its input. */
const heads = model(
  [input('x', ['batch', 'time', 4])],
  [
    node('Shape', ['x'], ['shape']),
    node('Gather', ['shape', 'zero'], ['batch'], { axis: int(0) }),
    node('Gather', ['shape', 'one'], ['time'], { axis: int(0) }),
    node('Concat', ['batch', 'time', 'rest', 'two'], ['target'], { axis: int(0) }),
    node('Reshape', ['x', 'target'], ['split']),
    node('Transpose', ['split'], ['y'], { perm: ints([0, 2, 1, 3]) }),
  ],
  [
    weight('zero', [0], [1], 'int64'),
    weight('one', [1], [1], 'int64'),
    weight('rest', [-1], [1], 'int64'),
    weight('two', [2], [1], 'int64'),
  ],
)

test('what follows from the sizes of a batch is computed once', () => {
  const graph = specialise(heads, { shapes: new Map([['x', [3, 5, 4]]]), outputs: ['y'] })
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Reshape', 'Transpose'])
  expect(graph.outputs).toEqual([{ name: 'y', element: 'float32', shape: [3, 2, 5, 2] }])
})

test('one model gives graphs of several sizes', () => {
  const shapes = [
    [1, 7, 4],
    [2, 3, 4],
  ].map((shape) => specialise(heads, { shapes: new Map([['x', shape]]), outputs: ['y'] }).outputs[0]?.shape)
  expect(shapes).toEqual([
    [1, 2, 7, 2],
    [2, 2, 3, 2],
  ])
})

test('a size that the model fixes cannot be chosen', () => {
  const attempt = () => specialise(heads, { shapes: new Map([['x', [3, 5, 6]]]), outputs: ['y'] })
  expect(attempt).toThrow('input "x" expects the shape (batch, time, 4), got (3, 5, 6)')
})

test('a matrix is never computed with, however small, and its transpose is never made', () => {
  const table = weight('w', [1, 2, 3, 4, 5, 6], [3, 2])
  const nodes = [node('Transpose', ['w'], ['wt'], { perm: ints([1, 0]) }), node('MatMul', ['x', 'wt'], ['y'])]
  const graph = specialise(model([input('x', [1, 4, 2])], nodes, [table]), {
    shapes: new Map([['x', [1, 4, 2]]]),
    outputs: ['y'],
  })
  expect(graph.nodes.map(({ op, inputs, attributes }) => [op, inputs, attributes.transB])).toEqual([
    ['FusedMatMul', ['x', 'w'], int(1)],
  ])
  expect(graph.weights.get('w')?.data).toBe(table.data)
  expect(graph.outputs[0]?.shape).toEqual([1, 4, 3])
})

test('vectors are computed with: rotary tables become constants', () => {
  const nodes = [
    node('Range', ['start', 'limit', 'step'], ['positions']),
    node('Mul', ['positions', 'frequency'], ['angles']),
    node('Cos', ['angles'], ['table']),
    node('Mul', ['x', 'table'], ['y']),
  ]
  const weights = [
    weight('start', [0], []),
    weight('limit', [3], []),
    weight('step', [1], []),
    weight('frequency', [0.5], [1]),
  ]
  const graph = specialise(model([input('x', ['n', 3])], nodes, weights), {
    shapes: new Map([['x', [2, 3]]]),
    outputs: ['y'],
  })
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Mul'])
  expect(graph.weights.size).toBe(1)
})

test('what is computed at build time is rounded as float32 would be', () => {
  const nodes = [
    node('Add', ['large', 'one'], ['sum']),
    node('Sub', ['sum', 'large'], ['rest']),
    node('Add', ['x', 'rest'], ['y']),
  ]
  const weights = [weight('large', [2 ** 24], [1]), weight('one', [1], [1])]
  const graph = specialise(model([input('x', [1])], nodes, weights), {
    shapes: new Map([['x', [1]]]),
    outputs: ['y'],
  })
  const [constant] = graph.weights.values()
  expect(constant && [...constantFromWeight(constant).data]).toEqual([0]) // 2^24 + 1 is not a float32
})

test('nodes out of order are put in order, and a circle is refused', () => {
  const nodes = [node('Neg', ['a'], ['y']), node('Exp', ['x'], ['a'])]
  const how = { shapes: new Map([['x', [2]]]), outputs: ['y'] }
  expect(specialise(model([input('x', [2])], nodes, []), how).nodes.map(({ op }) => op)).toEqual([
    'Exp',
    'Neg',
  ])
  const unnamed = [node('Neg', ['a'], ['y', '']), node('Clip', ['x', '', 'top'], ['a'])]
  const clipped = model([input('x', [2])], unnamed, [weight('top', [5], [])])
  expect(specialise(clipped, how).nodes.map(({ op }) => op)).toEqual(['Clip', 'Neg'])
  const circle = [node('Neg', ['a'], ['y']), node('Exp', ['y'], ['a'])]
  expect(() => specialise(model([input('x', [2])], circle, []), how)).toThrow(/depends on its own output/)
})

test('an empty cache of keys disappears', () => {
  const nodes = [node('Concat', ['past', 'x'], ['all'], { axis: int(1) }), node('Neg', ['all'], ['y'])]
  const graph = specialise(model([input('past', ['b', 'p', 2]), input('x', ['b', 't', 2])], nodes, []), {
    shapes: new Map([
      ['past', [1, 0, 2]],
      ['x', [1, 5, 2]],
    ]),
    outputs: ['y'],
  })
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x'])
  expect(graph.nodes.map(({ op, inputs }) => [op, inputs])).toEqual([['Neg', ['x']]])
})

test('an output that is an input or a constant still has its own name', () => {
  const nodes = [node('Identity', ['x'], ['y']), node('Identity', ['five'], ['z'])]
  const graph = specialise(model([input('x', [2])], nodes, [weight('five', [5], [1])]), {
    shapes: new Map([['x', [2]]]),
    outputs: ['y', 'z'],
  })
  expect(graph.outputs.map(({ name }) => name)).toEqual(['y', 'z'])
  expect(graph.nodes.map(({ op }) => op)).toEqual(['Identity', 'Identity'])
})

test('a value that nothing gives is named', () => {
  const attempt = () =>
    specialise(model([], [node('Neg', ['ghost'], ['y'])], []), { shapes: new Map(), outputs: ['y'] })
  expect(attempt).toThrow('the model uses "ghost" before anything gives it a value')
})

test('a product of two matrices stays one, though both are stated as constants; a table of angles is computed', () => {
  const constant = (name: string, values: readonly number[], shape: readonly number[]) =>
    node('Constant', [], [name], { value: { kind: 'tensor', value: weight(name, values, shape) } })
  const graph = specialise(
    model(
      [input('x', [2, 2])],
      [
        constant('relative', [1, 2, 3, 4], [2, 2]),
        constant('matrix', [5, 6, 7, 8], [2, 2]),
        constant('frequencies', [0.5, 0.25], [2, 1]),
        constant('places', [0, 3], [1, 2]),
        node('MatMul', ['relative', 'matrix'], ['projected']),
        node('MatMul', ['frequencies', 'places'], ['angles']),
        node('Sum', ['x', 'projected', 'angles'], ['y']),
      ],
      [],
    ),
    { shapes: new Map([['x', [2, 2]]]), outputs: ['y'] },
  )
  expect(graph.nodes.map(({ op, inputs }) => [op, ...inputs])).toEqual([
    ['MatMul', 'relative', 'matrix'],
    ['Sum', 'x', 'projected', expect.any(String)],
  ])
  const angles = graph.weights.get(graph.nodes[1]?.inputs[2] ?? '') as Weight
  expect([...constantFromWeight(angles).data]).toEqual([0, 1.5, 0, 0.75])
})
