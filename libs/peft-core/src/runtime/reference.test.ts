import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { int } from '../graph/graph.js'
import { reference } from './reference.js'

test('the reference computes in float64', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.output(builder.op('Sub', [x, builder.constant([3.75, -2.5])]))
  builder.output(builder.op('Cast', [x], { attributes: { to: int(7) } }))
  const graph = builder.build()
  const session = await reference.open(graph)
  const outputs = await session.run(new Map([['x', Float64Array.of(3.75 + 1e-12, -2.5 + 1e-12)]]))
  const [difference, whole] = graph.outputs.map(({ name }) => outputs.get(name)?.data)
  for (const value of difference ?? []) expect(value * 1e12).toBeCloseTo(1, 3)
  expect(whole).toEqual(Int32Array.of(3, -2))
})
