/**
 * Operators that move elements, put tensors together and take them apart, with TensorFlow.js.
 * @module
 */
import { axisOf, intOf, intsOf, type TensorType } from '../graph/graph.js'
import { sliceRanges } from '../operators/parts.js'
import { dtypeOf, type Kernel, type KernelCall, type Kernels, type Tensor } from './tfjs-kernel.js'

const shapeOf = ({ outputs }: KernelCall): number[] => [...(outputs[0] as TensorType).shape]
const sidesOf = ({ inputs }: KernelCall): readonly number[] => (inputs[0] as TensorType).shape

const reshape: Kernel = (call) => call.tf.reshape(call.tensor(0), shapeOf(call))

const transpose: Kernel = ({ tf, node, tensor }) => {
  const order = intsOf(node, 'perm')
  return tf.transpose(tensor(0), order === undefined ? undefined : [...order])
}

const expand: Kernel = (call) => {
  const { tf, tensor } = call
  const x = tensor(0)
  return tf.broadcastTo(x.dtype === 'bool' ? tf.cast(x, 'int32') : x, shapeOf(call))
}

const concat: Kernel = ({ tf, node, inputs, tensor }) => {
  const axis = axisOf(intOf(node, 'axis', 0), inputs[0]?.shape.length ?? 0)
  return tf.concat(
    inputs.map((_, index) => tensor(index)),
    axis,
  )
}

const split: Kernel = (call) => {
  const { tf, node, outputs, tensor, has, numbers } = call
  const axis = axisOf(intOf(node, 'axis', 0), sidesOf(call).length)
  const sides = has(1) ? [...numbers(1)] : outputs.map(({ shape }) => shape[axis] as number)
  return tf.split(tensor(0), sides, axis)
}

const slice: Kernel = (call) => {
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((index) =>
    call.has(index) ? call.numbers(index) : undefined,
  )
  const ranges = sliceRanges(sidesOf(call), starts ?? [], ends ?? [], axes, steps)
  const x = call.tensor(0)
  if (ranges.some(({ length }) => length === 0)) return call.tf.zeros(shapeOf(call), x.dtype)
  const isPlain = ranges.every(({ step }) => step === 1)
  if (isPlain)
    return call.tf.slice(
      x,
      ranges.map(({ start }) => start),
      ranges.map(({ length }) => length),
    )
  return ranges.reduce((part, { start, step, length }, axis) => {
    const at = Array.from({ length }, (_, index) => start + index * step)
    return call.tf.gather(part, call.tf.tensor1d(at, 'int32'), axis)
  }, x)
}

const tile: Kernel = ({ tf, tensor, numbers }) => tf.tile(tensor(0), [...numbers(1)])

/** Row and column of each element of the last two sides, compared with the diagonal that is kept. */
const triangle: Kernel = (call) => {
  const { tf, node, tensor, has } = call
  const [rows, columns] = sidesOf(call).slice(-2) as [number, number]
  const row = tf.expandDims(tf.range(0, rows, 1, 'int32'), 1)
  const distance = tf.sub(tf.expandDims(tf.range(0, columns, 1, 'int32'), 0), row)
  const diagonal: Tensor = has(1) ? tf.reshape(tensor(1), []) : tf.scalar(0, 'int32')
  const isUpper = intOf(node, 'upper', 1) === 1
  const kept = isUpper ? tf.greaterEqual(distance, diagonal) : tf.lessEqual(distance, diagonal)
  return tf.where(kept, tensor(0), tf.zerosLike(tensor(0)))
}

const shape: Kernel = (call) => {
  const end = call.node.attributes.end
  const part = sidesOf(call).slice(intOf(call.node, 'start', 0), end?.kind === 'int' ? end.value : undefined)
  return call.tf.tensor1d([...part], 'int32')
}

const range: Kernel = ({ tf, outputs, numbers }) => {
  const [start, delta] = [numbers(0)[0] as number, numbers(2)[0] as number]
  const { element, shape } = outputs[0] as TensorType
  const values = Array.from({ length: shape[0] as number }, (_, index) => start + index * delta)
  return tf.tensor1d(values, dtypeOf(element))
}

export const shapeKernels: Kernels = {
  Reshape: reshape,
  Unsqueeze: reshape,
  Squeeze: reshape,
  Flatten: reshape,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Tile: tile,
  Trilu: triangle,
  Shape: shape,
  Size: (call) =>
    call.tf.scalar(
      sidesOf(call).reduce((product, side) => product * side, 1),
      'int32',
    ),
  Range: range,
}
