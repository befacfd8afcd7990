import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import type { Graph } from '../graph/graph.js'
import { withPackedTransfers } from './packed-transfers.js'
import { reference } from './reference.js'
import type { Feed } from './runtime.js'

/** Sums of a matrix and of vectors with whole numbers, more than are joined at once, and the whole numbers doubled. */
function manyOutputs(count: number): Graph {
  const builder = createBuilder()
  const ids = builder.input('ids', 'int64', [3])
  const matrix = builder.input('matrix', 'float32', [2, 3])
  for (let at = 0; at < count; at++) {
    const vector = builder.input(`vector ${at}`, 'float32', at % 2 === 0 ? [3] : [])
    builder.output(builder.op('Add', [matrix, vector]))
  }
  builder.output(builder.op('Add', [ids, ids]))
  builder.output(builder.op('ReduceSum', [matrix], { attributes: { keepdims: { kind: 'int', value: 0 } } }))
  return builder.build()
}

const feedsOf = ({ inputs }: Graph): ReadonlyMap<string, Feed> =>
  new Map(
    inputs.map(({ name, element, shape }, input) => {
      const size = shape.reduce((all, side) => all * side, 1)
      const values = Array.from({ length: size }, (_, at) => input * 10 + at * 0.5)
      return [name, element === 'int64' ? Int32Array.from(values) : Float32Array.from(values)]
    }),
  )

test.each([1, 7, 8, 60])('%i vectors go in and come out as one, with the same values', async (count) => {
  const graph = manyOutputs(count)
  const packed = withPackedTransfers(graph)
  expect(packed.graph.inputs.map(({ name }) => name)).toEqual(['ids', 'packed inputs'])
  expect(packed.graph.outputs).toHaveLength(2)
  const feeds = feedsOf(graph)
  const whole = await (await reference.open(graph)).run(feeds)
  const parts = packed.unpack(await (await reference.open(packed.graph)).run(packed.pack(feeds)))
  expect([...parts.keys()]).toEqual(graph.outputs.map(({ name }) => name))
  for (const { name, shape } of graph.outputs) {
    expect(parts.get(name)?.shape).toEqual(shape)
    expect([...(parts.get(name)?.data ?? [])]).toEqual([...(whole.get(name)?.data ?? [])])
  }
  expect([...(parts.get(graph.outputs[0]?.name as string)?.data ?? [])]).toEqual([
    30, 31, 32, 31.5, 32.5, 33.5,
  ])
})

test('what is large, or no float32, travels alone', () => {
  const builder = createBuilder()
  const large = builder.input('large', 'float32', [2 ** 22 + 1])
  const ids = builder.input('ids', 'int64', [2])
  builder.output(builder.op('Neg', [large]))
  builder.output(builder.op('Neg', [ids]))
  const { graph } = withPackedTransfers(builder.build())
  expect(graph.inputs.map(({ name }) => name)).toEqual(['large', 'ids'])
  expect(graph.outputs.map(({ name }) => name)).toEqual(builder.build().outputs.map(({ name }) => name))
})
