/**
 * Operators that read or write elements at indices, and that fill, with TensorFlow.js.
 * @module
 */
import { constantFromWeight } from '../graph/constant.js'
import { axisOf, intOf, sizeOf, type TensorType, textOf } from '../graph/graph.js'
import { stridesOf } from '../operators/parts.js'
import {
  countable,
  dtypeOf,
  type Kernel,
  type KernelCall,
  type Kernels,
  type Tensor,
  type Tfjs,
} from './tfjs-kernel.js'

const shapeOf = ({ inputs }: KernelCall, index: number): readonly number[] =>
  (inputs[index] as TensorType).shape

const whole = (tf: Tfjs, x: number): Tensor => tf.scalar(x, 'int32')
const counting = (tf: Tfjs, length: number): Tensor => tf.range(0, length, 1, 'int32')

/** An index below zero counts from the end. */
const wrapped = (tf: Tfjs, indices: Tensor, side: number): Tensor =>
  tf.where(tf.less(indices, whole(tf, 0)), tf.add(indices, whole(tf, side)), indices)

const gather: Kernel = (call) => {
  const axis = axisOf(intOf(call.node, 'axis', 0), shapeOf(call, 0).length)
  const at = wrapped(call.tf, call.tensor(1), shapeOf(call, 0)[axis] as number)
  return call.tf.gather(call.tensor(0), at, axis)
}

/** The flat position, in a tensor of `shape`, of what each element of `indices` names along `axis`. */
function flatIndices(tf: Tfjs, indices: Tensor, shape: readonly number[], axis: number): Tensor {
  const strides = stridesOf(shape)
  const strided = (at: Tensor, dim: number): Tensor => tf.mul(at, whole(tf, strides[dim] as number))
  const named = strided(wrapped(tf, indices, shape[axis] as number), axis)
  const sum = indices.shape.reduce((so, side, dim) => {
    if (dim === axis) return so
    const along = indices.shape.map((_, other) => (other === dim ? side : 1))
    return tf.add(so, tf.reshape(strided(counting(tf, side), dim), along))
  }, named)
  return tf.reshape(sum, [-1])
}

const flat = (tf: Tfjs, x: Tensor): Tensor => tf.reshape(x, [-1])

const gatherElements: Kernel = (call) => {
  const shape = shapeOf(call, 0)
  const at = flatIndices(call.tf, call.tensor(1), shape, axisOf(intOf(call.node, 'axis', 0), shape.length))
  return call.tf.gather(flat(call.tf, call.tensor(0)), at)
}

/** The flat position among `sides` of what each row of `indices` (…, sides) names. */
function blockIndices(tf: Tfjs, indices: Tensor, sides: readonly number[]): Tensor {
  const strides = stridesOf(sides)
  const rows = tf.reshape(indices, [-1, sides.length])
  const columns = tf.split(rows, sides.length, 1).map((column, at) => {
    return tf.mul(wrapped(tf, column, sides[at] as number), whole(tf, strides[at] as number))
  })
  return flat(tf, tf.addN(columns))
}

const gatherNd: Kernel = (call) => {
  const { tf, node, tensor } = call
  const skip = intOf(node, 'batch_dims', 0)
  const [shape, named] = [shapeOf(call, 0), shapeOf(call, 1)]
  const depth = named.at(-1) as number
  const [batch, blocks] = [sizeOf(shape.slice(0, skip)), sizeOf(shape.slice(skip, skip + depth))]
  const within = tf.reshape(blockIndices(tf, tensor(1), shape.slice(skip, skip + depth)), [batch, -1])
  const first = tf.expandDims(tf.mul(counting(tf, batch), whole(tf, blocks)), 1)
  const rows = tf.reshape(tensor(0), [batch * blocks, sizeOf(shape.slice(skip + depth))])
  return tf.gather(rows, flat(tf, tf.add(within, first)))
}

type Reduction = 'none' | 'add' | 'mul' | 'max' | 'min'

interface Scatter {
  readonly x: Tensor // (R, L)
  readonly at: Tensor // (N): the row of x that each update belongs to
  readonly updates: Tensor // (N, L)
}

function scatterRows(tf: Tfjs, { x, at, updates }: Scatter, reduction: Reduction): Tensor {
  const shape = x.shape as [number, number]
  const named = tf.expandDims(at, 1)
  if (reduction === 'none') {
    const numbers = countable(tf, x)
    const copy = tf.add(numbers, tf.zerosLike(numbers)) // the JavaScript kernel writes into what it is given
    return tf.tensorScatterUpdate(copy, named, countable(tf, updates))
  }
  if (reduction === 'add') return tf.add(x, tf.scatterND(named, updates, shape))
  const rows = tf.reshape(counting(tf, shape[0]), [1, -1, 1]) // every update beside every row: (N, R, L)
  const meets = tf.equal(tf.reshape(at, [-1, 1, 1]), rows)
  const neutral = { mul: 1, max: -Infinity, min: Infinity }[reduction]
  const offered = tf.where(meets, tf.expandDims(tf.cast(updates, 'float32'), 1), tf.scalar(neutral))
  if (reduction === 'mul') return tf.mul(x, tf.prod(offered, 0))
  return reduction === 'max' ? tf.maximum(x, tf.max(offered, 0)) : tf.minimum(x, tf.min(offered, 0))
}

const reductionOf = ({ node }: KernelCall): Reduction => textOf(node, 'reduction', 'none') as Reduction

const scatterElements: Kernel = (call) => {
  const { tf, tensor } = call
  const shape = shapeOf(call, 0)
  const at = flatIndices(tf, tensor(1), shape, axisOf(intOf(call.node, 'axis', 0), shape.length))
  const [x, updates] = [tf.reshape(tensor(0), [-1, 1]), tf.reshape(tensor(2), [-1, 1])]
  return scatterRows(tf, { x, at, updates }, reductionOf(call))
}

const scatterNd: Kernel = (call) => {
  const { tf, tensor } = call
  const shape = shapeOf(call, 0)
  const depth = shapeOf(call, 1).at(-1) as number
  const length = sizeOf(shape.slice(depth))
  const at = blockIndices(tf, tensor(1), shape.slice(0, depth))
  const [x, updates] = [tf.reshape(tensor(0), [-1, length]), tf.reshape(tensor(2), [-1, length])]
  return scatterRows(tf, { x, at, updates }, reductionOf(call))
}

const constantOfShape: Kernel = ({ tf, node, outputs }) => {
  const { element, shape } = outputs[0] as TensorType
  const { value } = node.attributes
  const fill = value?.kind === 'tensor' ? (constantFromWeight(value.value).data[0] ?? 0) : 0
  return tf.fill([...shape], fill, dtypeOf(element))
}

const oneHot: Kernel = (call) => {
  const { tf, node, outputs, tensor, numbers } = call
  const depth = numbers(1)[0] as number
  const rank = (outputs[0] as TensorType).shape.length
  const axis = axisOf(intOf(node, 'axis', -1), rank)
  const at = tf.expandDims(wrapped(tf, tf.cast(tensor(0), 'int32'), depth), axis)
  const along = Array.from({ length: rank }, (_, dim) => (dim === axis ? depth : 1))
  const [off, on] = tf.split(flat(tf, tensor(2)), 2).map((value) => tf.reshape(value, [])) as [Tensor, Tensor]
  return tf.where(tf.equal(at, tf.reshape(counting(tf, depth), along)), on, off)
}

export const gatherKernels: Kernels = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  ConstantOfShape: constantOfShape,
  OneHot: oneHot,
}
