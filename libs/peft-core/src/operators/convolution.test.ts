import { expect, test } from 'vitest'
import { type Attribute, int, ints, text } from '../graph/graph.js'
import { convolutions } from './convolution.js'
import type { Constant, Operator } from './operator.js'

const constant = (shape: readonly number[], values: readonly number[]): Constant => ({
  element: 'float32',
  shape,
  data: Float64Array.from(values),
})

function convolve(attributes: Readonly<Record<string, Attribute>>, ...inputs: readonly Constant[]) {
  const node = { op: 'Conv', name: 'conv', outputs: ['y'], attributes }
  const { infer, evaluate } = convolutions.Conv as Operator
  const [result] = evaluate(node, inputs)
  expect(infer({ node, inputs })[0]?.shape).toEqual(result?.shape)
  return { shape: result?.shape, values: Array.from(result?.data ?? []) }
}

const square = constant([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])
const corner = constant([1, 1, 2, 2], [1, 10, 100, 1000])

test('a kernel moves over the image', () => {
  expect(convolve({}, square, corner)).toEqual({ shape: [1, 1, 2, 2], values: [5421, 6532, 8754, 9865] })
})

test('patches are cut by a stride as long as the kernel, with a bias for each channel', () => {
  const image = constant([2, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0, 0, 0, 0, 2])
  const kernels = constant([2, 1, 2, 2], [1, 1, 1, 1, 1, 0, 0, -1])
  const patches = convolve({ strides: ints([2, 2]) }, image, kernels, constant([2], [0.5, 100]))
  expect(patches).toEqual({ shape: [2, 2, 1, 2], values: [14.5, 22.5, 95, 95, 1.5, 2.5, 101, 98] })
})

test('padding, dilation and groups', () => {
  const padded = convolve({ pads: ints([1, 0, 0, 1]), strides: ints([2, 2]) }, square, corner)
  expect(padded).toEqual({ shape: [1, 1, 2, 2], values: [2100, 300, 8754, 906] })
  expect(convolve({ auto_pad: text('SAME_LOWER'), strides: ints([3, 3]) }, square, corner).values).toEqual([
    5421,
  ])
  expect(convolve({ dilations: ints([2, 2]) }, square, corner).values).toEqual([9731])
  const pair = constant([1, 2, 2], [1, 2, 3, 4])
  const grouped = convolve({ group: int(2) }, pair, constant([2, 1, 2], [1, 10, 100, 1000]))
  expect(grouped).toEqual({ shape: [1, 2, 1], values: [21, 4300] })
})

test('an image of other channels is refused', () => {
  expect(() => convolve({}, square, constant([1, 3, 2, 2], new Array(12).fill(1)))).toThrow(
    /expected 3 channels/,
  )
})
