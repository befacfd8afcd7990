import { expect, test } from 'vitest'
import { createBuilder } from './builder.js'
import { scheduleLate } from './schedule.js'

const opsOf = (graph: { readonly nodes: readonly { readonly op: string }[] }): readonly string[] =>
  graph.nodes.map(({ op }) => op)

test('a value is made just before it is first read, and what stood first comes first', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [3])
  const early = builder.op('Exp', [x])
  const chain = builder.op('Tanh', [builder.op('Neg', [x])])
  builder.output(builder.op('Mul', [early, builder.op('Sqrt', [chain])]))
  builder.output(builder.op('Abs', [chain]))
  const moved = builder.build()
  expect(opsOf(scheduleLate(moved))).toEqual(['Exp', 'Neg', 'Tanh', 'Sqrt', 'Mul', 'Abs'])
  const late = { ...moved, nodes: [1, 2, 3, 0, 4, 5].map((at) => moved.nodes[at] ?? moved.nodes[0]) }
  expect(opsOf(scheduleLate(late as typeof moved))).toEqual(['Neg', 'Tanh', 'Sqrt', 'Exp', 'Mul', 'Abs'])
})

test('each chain is finished before the next is begun', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [3])
  const firsts = ['Exp', 'Tanh'].map((op) => builder.op(op, [x]))
  const seconds = firsts.map((value, at) => builder.op(['Sqrt', 'Abs'][at] as string, [value]))
  builder.output(builder.op('Add', [seconds[0], seconds[1]]))
  expect(opsOf(scheduleLate(builder.build()))).toEqual(['Exp', 'Sqrt', 'Tanh', 'Abs', 'Add'])
})

test('what is named comes last', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [3])
  const loss = builder.op('Abs', [builder.op('Exp', [x])])
  builder.output(loss)
  builder.output(builder.op('Neg', [x]))
  expect(opsOf(scheduleLate(builder.build(), [loss.name]))).toEqual(['Neg', 'Exp', 'Abs'])
})

test('a graph as deep as a large model is ordered', () => {
  const builder = createBuilder()
  let x = builder.input('x', 'float32', [3])
  for (let depth = 0; depth < 20_000; depth++) x = builder.op('Neg', [x])
  builder.output(x)
  const graph = builder.build()
  expect(scheduleLate(graph)).toEqual(graph)
})
