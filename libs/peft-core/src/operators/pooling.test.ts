import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { type Attributes, int, ints, text } from '../graph/graph.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { reference } from '../runtime/reference.js'

const kernel = { kernel_shape: ints([3, 2]) }
const padded = { ...kernel, strides: ints([2, 1]), pads: ints([1, 0, 1, 1]) }

test.each<readonly [string, Attributes]>([
  ['MaxPool', padded],
  ['MaxPool', { ...kernel, dilations: ints([1, 2]), strides: ints([1, 3]) }],
  ['MaxPool', { ...kernel, strides: ints([2, 3]), ceil_mode: int(1) }],
  ['MaxPool', { ...kernel, strides: ints([2, 2]), auto_pad: text('SAME_UPPER') }],
  ['AveragePool', padded],
  ['AveragePool', { ...padded, count_include_pad: int(1) }],
  ['GlobalAveragePool', {}],
  ['GlobalMaxPool', {}],
])('%s with %j is what onnxruntime computes', async (op, attributes) => {
  const shape = [2, 3, 6, 7]
  const builder = createBuilder()
  const x = builder.input('x', 'float32', shape)
  const y = builder.op(op, [x], { attributes })
  builder.output(y)
  const data = Float32Array.from({ length: 2 * 3 * 6 * 7 }, (_, at) => Math.sin(at * 1.7) - 0.3)
  const session = await InferenceSession.create(encodeOnnx(builder.build()).bytes)
  const wanted = (await session.run({ x: new Tensor('float32', data, shape) }))[y.name]
  const found = (await (await reference.open(builder.build())).run(new Map([['x', data]]))).get(y.name)
  await session.release()
  expect(found?.shape).toEqual(wanted?.dims)
  const numbers = wanted?.data as Float32Array
  for (const [at, number] of numbers.entries()) expect(found?.data[at]).toBeCloseTo(number, 6)
})
