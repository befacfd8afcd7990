/**
 * Matrix products, with TensorFlow.js.
 * @module
 */
import { broadcastShape, floatOf, intOf } from '../graph/graph.js'
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

export const productKernels: Kernels = { MatMul: matMul, Gemm: gemm }
export const productContribKernels: Kernels = { FusedMatMul: fusedMatMul }
