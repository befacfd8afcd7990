import { expect, test } from 'vitest'
import { insertAtModules } from '../adapt/insert.js'
import { createBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import { type Graph, ints } from '../graph/graph.js'
import { expectWhole, markFolded } from './folded-layers.js'
import { linearModules } from './modules.js'

/** Scores q k^T, of queries and keys (1, 2, 2), and of a layer somewhere else; with `table`, q C^T, too. */
function graphOf(table: 'computed' | 'constant'): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [1, 2, 2])
  const weight = (name: string, shape: readonly number[], values: readonly number[]) =>
    builder.weight({
      name,
      element: 'float32',
      shape,
      data: { kind: 'bytes', bytes: weightBytes(values, 'float32') },
    })
  const layer = (path: string, values: readonly number[], input = x) =>
    builder.op('MatMul', [input, weight(`${path}.weight`, [2, 2], values)], { module: path, name: path })
  const query = layer('layer.0.self.query_proj', [1, 2, 3, 4])
  const key = layer('layer.0.self.key_proj', [5, 6, 7, 8])
  const bias = weight('bias', [2], [1, 2])
  const biased = builder.op('Add', [bias, query])
  const relative = weight('relative', [1, 2, 2], [1, 0, 2, 1])
  const other = table === 'constant' ? builder.op('Div', [relative, builder.constant(2)]) : key
  const scores = builder.op('MatMul', [
    biased,
    builder.op('Transpose', [other], { attributes: { perm: ints([0, 2, 1]) } }),
  ])
  builder.output(builder.op('Add', [scores, layer('layer.1.self.query_proj', [1, 1, 0, 1], key)]))
  return builder.build()
}

const marked = (graph: Graph) => markFolded(graph, linearModules(graph))

test('layers beside each other are refused where one is multiplied by a constant that may be of the other', () => {
  const layers = marked(graphOf('constant'))
  expect(layers.map(({ path, folded }) => [path, folded])).toEqual([
    ['layer.0.self.query_proj', 'relative'],
    ['layer.0.self.key_proj', 'relative'],
    ['layer.1.self.query_proj', undefined],
  ])
  const insertions = new Map([['layer.0.self.key_proj', { at: 'product', append: () => {} }] as const])
  expect(() => insertAtModules(graphOf('constant'), layers, insertions)).toThrow(
    'module layer.0.self.key_proj cannot be adapted: its attention multiplies by the constant "relative"',
  )
})

test('layers whose outputs are multiplied with each other are whole', () => {
  const layers = marked(graphOf('computed'))
  expect(layers.map(({ folded }) => folded)).toEqual([undefined, undefined, undefined])
  for (const layer of layers) expectWhole(layer)
})
