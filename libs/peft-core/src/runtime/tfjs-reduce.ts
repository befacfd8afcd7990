/**
 * Reductions, selections, softmax, normalisations and rotary positions, with TensorFlow.js.
 * @module
 */
import { axisOf, floatOf, intOf, type TensorType } from '../graph/graph.js'
import {
  countable,
  type Kernel,
  type KernelCall,
  type Kernels,
  type Tensor,
  type Tfjs,
} from './tfjs-kernel.js'

const shapeOf = ({ inputs }: KernelCall): readonly number[] => (inputs[0] as TensorType).shape

function axesOf(call: KernelCall): number[] {
  const rank = shapeOf(call).length
  const given = call.has(1) ? call.numbers(1) : []
  if (given.length > 0) return given.map((axis) => axisOf(axis, rank))
  return intOf(call.node, 'noop_with_empty_axes', 0) === 1 ? [] : shapeOf(call).map((_, axis) => axis)
}

interface Over {
  readonly axes: number[]
  /** Whether the axes stay, with sides of 1. */
  readonly keeps: boolean
}

/** A reduction over all given axes; without axes, of each element alone. */
const reduction =
  (compute: (tf: Tfjs, x: Tensor, over: Over) => Tensor): Kernel =>
  (call) => {
    const axes = axesOf(call)
    const x = countable(call.tf, call.tensor(0))
    if (axes.length === 0) return compute(call.tf, call.tf.expandDims(x, 0), { axes: [0], keeps: false })
    return compute(call.tf, x, { axes, keeps: intOf(call.node, 'keepdims', 1) === 1 })
  }

const axisIn = (call: KernelCall, otherwise: number): number =>
  axisOf(intOf(call.node, 'axis', otherwise), shapeOf(call).length)

const cumulativeSum: Kernel = (call) => {
  const { tf, node, tensor, numbers } = call
  const axis = axisOf(numbers(1)[0] ?? 0, shapeOf(call).length)
  return tf.cumsum(tensor(0), axis, intOf(node, 'exclusive', 0) === 1, intOf(node, 'reverse', 0) === 1)
}

const argMax: Kernel = (call) => {
  const { tf, node, tensor } = call
  const axis = axisIn(call, 0)
  if (intOf(node, 'select_last_index', 0) === 0) return tf.argMax(tensor(0), axis)
  const last = tf.scalar((shapeOf(call)[axis] as number) - 1, 'int32')
  return tf.sub(last, tf.argMax(tf.reverse(tensor(0), axis), axis))
}

/** The largest of the last axis, or of their negatives the smallest; among equals, the first. */
const topK: Kernel = (call) => {
  const { tf, node, outputs, tensor } = call
  const rank = shapeOf(call).length
  const axis = axisIn(call, -1)
  const swapped = shapeOf(call).map((_, at) => (at === axis ? rank - 1 : at === rank - 1 ? axis : at))
  const sign = intOf(node, 'largest', 1) === 1 ? 1 : -1
  const x = tf.transpose(tensor(0), swapped)
  const { values, indices } = tf.topk(sign === 1 ? x : tf.neg(x), outputs[0]?.shape[axis] ?? 0, true)
  const back = (found: Tensor): Tensor => tf.transpose(found, swapped)
  return [back(sign === 1 ? values : tf.neg(values)), back(indices)]
}

const shifted = (tf: Tfjs, x: Tensor, axis: number): Tensor => tf.sub(x, tf.max(x, axis, true))

const softmax: Kernel = (call) => {
  const { tf, tensor } = call
  const axis = axisIn(call, -1)
  const powers = tf.exp(shifted(tf, tensor(0), axis))
  return tf.div(powers, tf.sum(powers, axis, true))
}

const logSoftmax: Kernel = (call) => {
  const { tf, tensor } = call
  const axis = axisIn(call, -1)
  const x = shifted(tf, tensor(0), axis)
  return tf.sub(x, tf.log(tf.sum(tf.exp(x), axis, true)))
}

/** (output, mean, inverse standard deviation), or without the mean when it is not taken away. */
const normalisation =
  (centred: boolean): Kernel =>
  (call) => {
    const axis = axisIn(call, -1)
    const axes = shapeOf(call).flatMap((_, at) => (at < axis ? [] : [at]))
    const { tf, node, tensor, has } = call
    const x = tensor(0)
    const mean = tf.mean(x, axes, true)
    const centre = centred ? tf.sub(x, mean) : x
    const variance = tf.mean(tf.square(centre), axes, true)
    const inverse = tf.rsqrt(tf.add(variance, floatOf(node, 'epsilon', 1e-5)))
    const scaled = tf.mul(tf.mul(centre, inverse), tensor(1))
    const output = has(2) ? tf.add(scaled, tensor(2)) : scaled
    return centred ? [output, mean, inverse] : [output, inverse]
  }

/** x (B, H, T, D), positions (B, T) or (1), cosines and sines (P, D/2). */
const rotary: Kernel = ({ tf, inputs, tensor }) => {
  const [batch, heads, length, width] = (inputs[0] as TensorType).shape as [number, number, number, number]
  const steps = tf.expandDims(tf.range(0, length, 1, 'int32'), 0)
  const first = tf.reshape(tensor(1), [-1, inputs[1]?.shape.length === 2 ? length : 1])
  const at = first.size === 1 ? tf.tile(tf.add(first, steps), [batch, 1]) : first
  const half = (inputs[2] as TensorType).shape[1] as number
  const [c, s] = [2, 3].map((index) => tf.expandDims(tf.gather(tensor(index), at), 1)) as [Tensor, Tensor] // (B, 1, T, D/2)
  const part = (start: number, size: number): Tensor =>
    tf.slice(tensor(0), [0, 0, 0, start], [batch, heads, length, size])
  const [x, y] = [part(0, half), part(half, half)]
  const turned = [tf.sub(tf.mul(x, c), tf.mul(y, s)), tf.add(tf.mul(y, c), tf.mul(x, s))]
  return tf.concat(width > 2 * half ? [...turned, part(2 * half, width - 2 * half)] : turned, 3)
}

export const reductionKernels: Kernels = {
  ReduceSum: reduction((tf, x, { axes, keeps }) => tf.sum(x, axes, keeps)),
  ReduceMean: reduction((tf, x, { axes, keeps }) => tf.mean(x, axes, keeps)),
  ReduceMax: reduction((tf, x, { axes, keeps }) => tf.max(x, axes, keeps)),
  ReduceMin: reduction((tf, x, { axes, keeps }) => tf.min(x, axes, keeps)),
  ReduceProd: reduction((tf, x, { axes, keeps }) => tf.prod(x, axes, keeps)),
  ReduceSumSquare: reduction((tf, x, { axes, keeps }) => tf.sum(tf.square(x), axes, keeps)),
  ReduceL2: reduction((tf, x, { axes, keeps }) => tf.sqrt(tf.sum(tf.square(x), axes, keeps))),
  ArgMax: argMax,
  TopK: topK,
  CumSum: cumulativeSum,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: normalisation(true),
  SimplifiedLayerNormalization: normalisation(false),
}

export const rotaryKernels: Kernels = { RotaryEmbedding: rotary }
