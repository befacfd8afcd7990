/**
 * Matrix products and convolution, with TensorFlow.js.
 * @module
 */
import { broadcastShape, floatOf, intOf, sizeOf, type TensorType } from '../graph/graph.js'
import { PADDING, windowSources } from '../operators/convolution.js'
import type { Kernel, KernelCall, Kernels, Tensor, Tfjs } from './tfjs-kernel.js'

interface Flags {
  readonly transA: boolean
  readonly transB: boolean
}

/** A vector on the left is a row, on the right a column; the graph's shape leaves the added side out again. */
function multiply({ tf, tensor }: KernelCall, { transA, transB }: Flags): Tensor {
  const [left, right] = [tensor(0), tensor(1)]
  const a = left.rank === 1 ? tf.expandDims(left, 0) : left
  const b = right.rank === 1 ? tf.expandDims(right, 1) : right
  if (a.rank === 2 && b.rank === 2) return tf.matMul(a, b, transA, transB)
  if (b.rank === 2 && !transA) {
    return tf.matMul(tf.reshape(a, [-1, a.shape.at(-1) as number]), b, false, transB) // one product, not one per batch
  }
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const [wideA, wideB] = [a, b].map((x) => tf.broadcastTo(x, [...batch, ...x.shape.slice(-2)])) as [
    Tensor,
    Tensor,
  ]
  return tf.matMul(wideA, wideB, transA, transB) // the library's own broadcasting is wrong when both sides broadcast
}

const matMul: Kernel = (call) => multiply(call, { transA: false, transB: false })

const flagsOf = (node: Parameters<typeof intOf>[0]): Flags => ({
  transA: intOf(node, 'transA', 0) === 1,
  transB: intOf(node, 'transB', 0) === 1,
})

const scaled = (tf: Tfjs, x: Tensor, factor: number): Tensor => (factor === 1 ? x : tf.mul(x, factor))

const fusedMatMul: Kernel = (call) =>
  scaled(call.tf, multiply(call, flagsOf(call.node)), floatOf(call.node, 'alpha', 1))

const gemm: Kernel = (call) => {
  const { tf, node, tensor, has } = call
  const product = fusedMatMul(call) as Tensor
  return has(2) ? tf.add(product, scaled(tf, tensor(2), floatOf(node, 'beta', 1))) : product
}

/**
 * Every patch that the kernel meets becomes a row, and the rows are multiplied with the kernels.
 * Sizes: B = batch, G = groups, C = channels of a group, O = outputs of a group, K = kernel, S = positions of the output.
 */
const conv: Kernel = ({ tf, node, inputs, outputs, tensor, has }) => {
  const [x, weight] = inputs as readonly [TensorType, TensorType]
  const groups = intOf(node, 'group', 1)
  const batch = x.shape[0] as number
  const channels = weight.shape[1] as number
  const sources = windowSources(node, x.shape, weight.shape) // (S, K)
  const [kernelSize, positions] = [sizeOf(weight.shape.slice(2)), sizeOf(outputs[0]?.shape.slice(2) ?? [])]
  const inputSize = sizeOf(x.shape.slice(2))
  const flat = tf.reshape(tensor(0), [batch, groups * channels, inputSize])
  const padded = tf.concat([flat, tf.zeros([batch, groups * channels, 1])], 2)
  const at = tf.tensor1d(
    sources.map((source) => (source === PADDING ? inputSize : source)),
    'int32',
  )
  const met = tf.reshape(tf.gather(padded, at, 2), [batch, groups, channels, positions, kernelSize])
  const rows = tf.transpose(met, [0, 1, 3, 2, 4]) // (B, G, S, C, K)
  const patches = tf.reshape(rows, [batch, groups, positions, channels * kernelSize])
  const kernels = tf.reshape(tensor(1), [1, groups, -1, channels * kernelSize]) // (1, G, O, C K)
  const product = tf.matMul(kernels, patches, false, true) // (B, G, O, S)
  return has(2) ? tf.add(product, tf.reshape(tensor(2), [1, groups, -1, 1])) : product
}

export const productKernels: Kernels = { MatMul: matMul, Gemm: gemm, Conv: conv }
export const productContribKernels: Kernels = { FusedMatMul: fusedMatMul }
