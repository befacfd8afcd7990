import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { weightBytes } from '../graph/constant.js'
import type { Graph } from '../graph/graph.js'
import { linearModules } from './modules.js'
import { joinRepeated } from './repeated-layers.js'

/** Two products in a row, whose matrices (2, 2) are stored apart. */
function graphOf(paths: readonly string[], matrices: readonly (readonly number[])[]): Graph {
  const builder = createBuilder()
  let x = builder.input('x', 'float32', [1, 2])
  for (const [at, path] of paths.entries()) {
    const bytes = weightBytes(matrices[at] as readonly number[], 'float32')
    const data = { kind: 'bytes', bytes } as const
    const matrix = builder.weight({ name: `onnx::MatMul_${at}`, element: 'float32', shape: [2, 2], data })
    x = builder.op('MatMul', [x, matrix], { module: path })
  }
  builder.output(x)
  return builder.build()
}

const joined = (paths: readonly string[], matrices: readonly (readonly number[])[]) => {
  const graph = graphOf(paths, matrices)
  return joinRepeated(graph, linearModules(graph)).map(({ path, weight }) => [path, weight])
}

const same = [
  [1, 2, 3, 4],
  [1, 2, 3, 4],
]

test('a further application of a matrix is the layer of its first one', () => {
  expect(joined(['layers.0.query', 'layers.0.query_1'], same)).toEqual([
    ['layers.0.query', 'onnx::MatMul_0'],
    ['layers.0.query', 'onnx::MatMul_0'],
  ])
  expect(joined(['layer.0.ffn', 'layer_1.0.ffn_1'], same)[1]).toEqual(['layer.0.ffn', 'onnx::MatMul_0'])
})

test('torch.export gives the applications one name; a matrix that is stored for each is a copy', () => {
  const graph = graphOf(['layer.0.query', 'layer.0.query'], same)
  expect(
    joinRepeated(graph, linearModules(graph)).map(({ path, weight, copy }) => [path, weight, copy]),
  ).toEqual([
    ['layer.0.query', 'onnx::MatMul_0', undefined],
    ['layer.0.query', 'onnx::MatMul_0', 'onnx::MatMul_1'],
  ])
})

test('layers whose names end in a number, or whose matrices differ, stay apart', () => {
  const different = [
    [1, 2, 3, 4],
    [1, 2, 3, 5],
  ]
  expect(joined(['fc', 'fc_1'], different).map(([path]) => path)).toEqual(['fc', 'fc_1'])
  expect(joined(['fc_1', 'fc_2'], same).map(([path]) => path)).toEqual(['fc_1', 'fc_2'])
})
