import { describe, expect, it } from 'vitest'
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { int, ints, type Value } from '../graph/graph.js'
import { expectRowsApart } from './rows-apart.js'

const [N, T, D] = [4, 6, 8] as const // rows, tokens, width

function check(make: (builder: GraphBuilder, x: Value) => Value, rows: number = N): void {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [rows, T, D])
  builder.output(make(builder, x))
  expectRowsApart(builder.build(), new Set(['x']), rows)
}

const numbers = (builder: GraphBuilder, values: readonly number[]): Value => builder.constant(values, 'int64')
const table = (builder: GraphBuilder, shape: readonly number[]): Value =>
  builder.constant(
    Array.from({ length: shape.reduce((a, b) => a * b) }, (_, at) => at),
    'float32',
    shape,
  )
const swapped = (builder: GraphBuilder, x: Value, perm: readonly number[]): Value =>
  builder.op('Transpose', [x], { attributes: { perm: ints(perm) } })

describe('rows are kept apart', () => {
  it.each<[string, (builder: GraphBuilder, x: Value) => Value]>([
    ['by a product with a matrix', (b, x) => b.op('MatMul', [x, table(b, [D, 3])])],
    ['by products of their own', (b, x) => b.op('MatMul', [x, swapped(b, x, [0, 2, 1])])],
    ['when their tokens become rows of a matrix', (b, x) => b.op('Reshape', [x, numbers(b, [N * T, D])])],
    ['by what is made along a later axis', (b, x) => b.op('Softmax', [x], { attributes: { axis: int(1) } })],
    [
      'by a first token each',
      (b, x) =>
        b.op('Gather', [b.op('Reshape', [x, numbers(b, [N * T, D])]), numbers(b, [0, T, 2 * T, 3 * T])]),
    ],
    ['when the same is added to each', (b, x) => b.op('Add', [x, table(b, [1, T, 1])])],
  ])('%s', (_, make) => {
    expect(() => check(make)).not.toThrow()
  })
})

describe('rows are mixed', () => {
  it.each<[string, string, (builder: GraphBuilder, x: Value) => Value]>([
    ['by a mean over them', 'ReduceMean', (b, x) => b.op('ReduceMean', [x, numbers(b, [0])])],
    ['by a softmax over them', 'Softmax', (b, x) => b.op('Softmax', [x], { attributes: { axis: int(0) } })],
    ['by another order of axes', 'Transpose', (b, x) => swapped(b, x, [1, 0, 2])],
    [
      'by a product over them',
      'FusedMatMul',
      (b, x) => {
        const flat = b.op('Reshape', [x, numbers(b, [N * T, D])])
        return b.op('FusedMatMul', [flat, table(b, [N * T, 3])], {
          domain: 'com.microsoft',
          attributes: { transA: int(1) },
        })
      },
    ],
    [
      'by a product with each other',
      'FusedMatMul',
      (b, x) => {
        const flat = b.op('Reshape', [x, numbers(b, [N, T * D])])
        return b.op('FusedMatMul', [flat, flat], {
          domain: 'com.microsoft',
          attributes: { transB: int(1) },
        })
      },
    ],
    ['by taking one row for all', 'Gather', (b, x) => b.op('Gather', [x, numbers(b, [0, 0, 0, 0])])],
    ['by taking one row', 'Gather', (b, x) => b.op('Gather', [x, b.constant(0, 'int64')])],
    ['by a running sum over them', 'CumSum', (b, x) => b.op('CumSum', [x, b.constant(0, 'int64')])],
    [
      'by an operator that is not known to keep them apart',
      'TopK',
      (b, x) => {
        const shared = b.op('TopK', [x, numbers(b, [2])], { attributes: { axis: int(0) }, outputs: 2 })
        return shared
      },
    ],
    [
      'when their places are no stretches',
      'Add',
      (b, x) => {
        const flat = b.op('Reshape', [x, numbers(b, [N, T * D])])
        return b.op('Add', [flat, table(b, [N, N, T * D])])
      },
    ],
  ])('%s', (_, op, make) => {
    expect(() => check(make)).toThrow(new RegExp(`^${op} `))
  })

  it('by nothing when there is one', () => {
    expect(() => check((b, x) => b.op('ReduceMean', [x, numbers(b, [0])]), 1)).not.toThrow()
  })
})
