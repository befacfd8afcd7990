import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { UNEVEN } from '../operators/parts.js'
import { ort } from '../runtime/ort.js'
import { reference } from '../runtime/reference.js'
import type { Feed } from '../runtime/runtime.js'
import { differentiate, gradientName } from './backward.js'

/** Rows of x in three pieces of `sizes`; each is scaled by another number before they are brought together again. */
function graphOf(isNoted: boolean): Graph {
  const builder = createBuilder()
  const [x, sizes] = [builder.input('x', 'float32', [5, 2]), builder.input('sizes', 'int64', [3])]
  const attributes = { axis: int(0), ...(isNoted ? { [UNEVEN]: int(1) } : {}) }
  const pieces = builder.ops('Split', [x, sizes], { attributes, outputs: 3 })
  const scaled = pieces.map((piece, at) => builder.op('Mul', [piece, builder.constant(at + 2)]))
  const together = builder.op('Concat', scaled, { attributes: { axis: int(0) } })
  const square = builder.op('Mul', [together, together])
  builder.append({
    name: 'loss',
    op: 'ReduceSum',
    domain: '',
    inputs: [square.name],
    outputs: ['loss'],
    attributes: { keepdims: int(0) },
  })
  builder.output(builder.value('loss'))
  return builder.build()
}

test.each([
  ['reference', reference, [1, 0, 4], [2, 4, 4, 4, 4]],
  ['onnxruntime', ort, [1, 0, 4], [2, 4, 4, 4, 4]],
  ['onnxruntime', ort, [3, 2, 0], [2, 2, 2, 3, 3]],
])('pieces of sizes known as %s runs have their gradients (%#)', async (_, runtime, sizes, factors) => {
  const session = await runtime.open(differentiate(graphOf(true), 'loss', ['x']))
  const x = [0.5, -1, 2, 1.5, -0.7, 3, 0.2, -2, 1, 0.9]
  const feeds = new Map<string, Feed>([
    ['x', Float32Array.from(x)],
    ['sizes', Int32Array.from(sizes)],
  ])
  const gradient = (await session.run(feeds)).get(gradientName('x'))?.data ?? []
  for (const [at, value] of x.entries())
    expect(gradient[at]).toBeCloseTo(2 * (factors[Math.floor(at / 2)] as number) ** 2 * value, 4)
  await session.close()
})

test('sizes that are not known are refused where nothing notes that they may be uneven', () => {
  expect(() => graphOf(false)).toThrow('the split must be known before the graph runs')
})
