import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { float, type Graph, int } from '../graph/graph.js'
import { withPlainStatistics } from './plain-statistics.js'
import { reference } from './reference.js'

/** A normalisation over the last two axes, whose statistics are an output. */
function normalised(): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 2, 3])
  const attributes = { axis: int(-2), epsilon: float(0.25) }
  const scale = builder.constant([1.5, -2, 0.5, 3, 1, 0.25], 'float32', [2, 3])
  const values = builder.ops('SimplifiedLayerNormalization', [x, scale], { attributes, outputs: 2 })
  for (const value of values) builder.output(value)
  return builder.build()
}

test('statistics that are computed apart are those of the operator', async () => {
  const graph = normalised()
  const apart = withPlainStatistics(graph)
  expect(
    apart.nodes.every(({ op, outputs }) => op !== 'SimplifiedLayerNormalization' || outputs.length === 1),
  ).toBe(true)
  const feeds = new Map([['x', Float32Array.of(1, 2, 2, 0, 4, 5, -3, 0.5, 2, 1, -1, 2)]])
  const [whole, parts] = await Promise.all(
    [graph, apart].map(async (one) => (await reference.open(one)).run(feeds)),
  )
  for (const { name, shape } of graph.outputs) {
    expect(parts?.get(name)?.shape).toEqual(shape)
    for (const [at, x] of (whole?.get(name)?.data ?? []).entries()) {
      expect(parts?.get(name)?.data[at]).toBeCloseTo(x, 7)
    }
  }
  // 1 / sqrt((1 + 4 + 4 + 0 + 16 + 25) / 6 + 1/4) = 1 / sqrt(8.58333)
  expect(parts?.get(graph.outputs[1]?.name as string)?.data[0]).toBeCloseTo(0.341328, 6)
})

test('a graph that needs no statistics is left as it is', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  builder.output(builder.op('SimplifiedLayerNormalization', [x, builder.constant([1, 2, 3])]))
  const graph = builder.build()
  expect(withPlainStatistics(graph)).toBe(graph)
})
