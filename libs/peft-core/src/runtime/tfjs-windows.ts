/**
 * Convolution and pooling over the spatial axes of x (B, C, …), with TensorFlow.js: what each window meets is gathered.
 *
 * Sizes used below: B = batch, G = groups, C = channels of a group, O = outputs of a group, K = kernel, S = positions of
 * the output.
 * @module
 */
import { intOf, intsOf, sizeOf, type TensorType } from '../graph/graph.js'
import { type Meeting, meetings, PADDING, windowOver } from '../operators/window.js'
import type { Kernel, KernelCall, Kernels, Tensor } from './tfjs-kernel.js'

interface Gathered {
  /** What each window meets, (B, channels, S, K); `outside` stands for the padding. */
  readonly windows: Tensor
  readonly met: readonly Meeting[]
}

function gathered(
  { tf, node, inputs, tensor }: KernelCall,
  kernel: readonly number[],
  outside: number,
): Gathered {
  const { shape } = inputs[0] as TensorType
  const [batch, channels, ...input] = shape as [number, number, ...number[]]
  const met = meetings(windowOver(node, input, kernel), input)
  const size = sizeOf(input)
  const at = met.flatMap(({ sources }) => sources.map((source) => (source === PADDING ? size : source)))
  const flat = tf.reshape(tensor(0), [batch, channels, size])
  const padded = tf.concat([flat, tf.fill([batch, channels, 1], outside)], 2)
  const found = tf.gather(padded, tf.tensor1d(at, 'int32'), 2)
  return { windows: tf.reshape(found, [batch, channels, met.length, sizeOf(kernel)]), met }
}

/** Every window becomes a row, and the rows are multiplied with the kernels. */
const conv: Kernel = (call) => {
  const { tf, node, inputs, tensor, has } = call
  const [x, weight] = inputs as readonly [TensorType, TensorType]
  const groups = intOf(node, 'group', 1)
  const [batch, channels] = [x.shape[0] as number, weight.shape[1] as number]
  const kernel = weight.shape.slice(2)
  const { windows, met } = gathered(call, kernel, 0)
  const grouped = tf.reshape(windows, [batch, groups, channels, met.length, sizeOf(kernel)])
  const rows = tf.transpose(grouped, [0, 1, 3, 2, 4]) // (B, G, S, C, K)
  const patches = tf.reshape(rows, [batch, groups, met.length, channels * sizeOf(kernel)])
  const kernels = tf.reshape(tensor(1), [1, groups, -1, channels * sizeOf(kernel)]) // (1, G, O, C K)
  const product = tf.matMul(kernels, patches, false, true) // (B, G, O, S)
  return has(2) ? tf.add(product, tf.reshape(tensor(2), [1, groups, -1, 1])) : product
}

/** The kernel of a pooling; all of the spatial axes when the node states none. */
const kernelOf = ({ node, inputs }: KernelCall): readonly number[] =>
  intsOf(node, 'kernel_shape') ?? (inputs[0] as TensorType).shape.slice(2)

const largest: Kernel = (call) => call.tf.max(gathered(call, kernelOf(call), -Infinity).windows, 3)

const mean: Kernel = (call) => {
  const { tf, node } = call
  const { windows, met } = gathered(call, kernelOf(call), 0)
  const includesPadding = intOf(node, 'count_include_pad', 0) === 1
  const counts = met.map(({ sources, inside }) =>
    includesPadding ? inside : sources.filter((source) => source !== PADDING).length,
  )
  return tf.div(tf.sum(windows, 3), tf.tensor1d(counts, 'float32'))
}

export const windowKernels: Kernels = {
  Conv: conv,
  MaxPool: largest,
  AveragePool: mean,
  GlobalMaxPool: largest,
  GlobalAveragePool: mean,
}
