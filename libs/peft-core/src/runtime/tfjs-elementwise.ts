/**
 * Operators that work on each element alone, with TensorFlow.js.
 * @module
 */
import { floatOf, intOf, type Node, type TensorType, textOf } from '../graph/graph.js'
import { elementOfNumber, isFloat } from '../operators/elementwise.js'
import {
  countable,
  dtypeOf,
  type Kernel,
  type KernelCall,
  type Kernels,
  type Tensor,
  type Tfjs,
} from './tfjs-kernel.js'

type Binary = (call: KernelCall, a: Tensor, b: Tensor) => Tensor

const unary =
  (compute: (tf: Tfjs, x: Tensor, node: Node) => Tensor): Kernel =>
  ({ tf, node, tensor }) =>
    compute(tf, tensor(0), node)

/** Folds any number of inputs from the left. */
const variadic =
  (compute: Binary): Kernel =>
  (call) => {
    const [first, ...rest] = call.inputs.map((_, index) => call.tensor(index)) as [Tensor, ...Tensor[]]
    return rest.length === 0 ? call.tf.clone(first) : rest.reduce((a, b) => compute(call, a, b), first)
  }

const arithmetic = (compute: (tf: Tfjs, a: Tensor, b: Tensor) => Tensor): Kernel =>
  variadic(({ tf }, a, b) => compute(tf, a, b))

/** Compares numbers; booleans count as 0 and 1. */
const comparison = (compute: (tf: Tfjs, a: Tensor, b: Tensor) => Tensor): Kernel =>
  arithmetic((tf, a, b) => compute(tf, countable(tf, a), countable(tf, b)))

const isFloatInput = ({ inputs }: KernelCall): boolean => isFloat((inputs[0] as TensorType).element)

/** Whole numbers are divided towards zero. */
const divide: Binary = (call, a, b) => {
  const { tf } = call
  if (isFloatInput(call)) return tf.div(a, b)
  return tf.mul(tf.floorDiv(tf.abs(a), tf.abs(b)), tf.mul(tf.sign(a), tf.sign(b)))
}

/** The remainder has the sign of the divisor, or with `fmod` that of the dividend. */
const remainder: Binary = ({ tf, node }, a, b) =>
  intOf(node, 'fmod', 0) === 1 ? tf.mul(tf.mod(tf.abs(a), tf.abs(b)), tf.sign(a)) : tf.mod(a, b)

const clip: Kernel = ({ tf, tensor, has }) => {
  const raised = has(1) ? tf.maximum(tensor(0), tensor(1)) : tensor(0)
  return has(2) ? tf.minimum(raised, tensor(2)) : tf.clone(raised)
}

const sigmoidLinear = (tf: Tfjs, x: Tensor, alpha: number): Tensor => tf.mul(x, tf.sigmoid(tf.mul(x, alpha)))
const geluErf = (tf: Tfjs, x: Tensor): Tensor =>
  tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1))

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
function geluTanh(tf: Tfjs, x: Tensor): Tensor {
  const cubic = tf.mul(x, tf.add(tf.mul(tf.square(x), 0.044715), 1))
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(tf.mul(cubic, Math.sqrt(2 / Math.PI))), 1))
}

const fastGelu: Kernel = ({ tf, tensor, has }) =>
  geluTanh(tf, has(1) ? tf.add(tensor(0), tensor(1)) : tensor(0))

const cast: Kernel = ({ tf, node, tensor }) => {
  const dtype = dtypeOf(elementOfNumber(intOf(node, 'to', 1)))
  if (dtype !== 'bool') return tf.cast(tensor(0), dtype)
  const x = countable(tf, tensor(0))
  return tf.notEqual(x, tf.zerosLike(x))
}

const isInfinite = unary((tf, x, node) => {
  const infinite = tf.isInf(x)
  if (intOf(node, 'detect_negative', 1) === 0) return tf.logicalAnd(infinite, tf.greater(x, 0))
  return intOf(node, 'detect_positive', 1) === 0 ? tf.logicalAnd(infinite, tf.less(x, 0)) : infinite
})

export const elementwiseKernels: Kernels = {
  Add: arithmetic((tf, a, b) => tf.add(a, b)),
  Sub: arithmetic((tf, a, b) => tf.sub(a, b)),
  Mul: arithmetic((tf, a, b) => tf.mul(a, b)),
  Div: variadic(divide),
  Mod: variadic(remainder),
  Pow: arithmetic((tf, a, b) => tf.pow(a, b)),
  Max: arithmetic((tf, a, b) => tf.maximum(a, b)),
  Min: arithmetic((tf, a, b) => tf.minimum(a, b)),
  Sum: arithmetic((tf, a, b) => tf.add(a, b)),
  Equal: comparison((tf, a, b) => tf.equal(a, b)),
  Less: comparison((tf, a, b) => tf.less(a, b)),
  LessOrEqual: comparison((tf, a, b) => tf.lessEqual(a, b)),
  Greater: comparison((tf, a, b) => tf.greater(a, b)),
  GreaterOrEqual: comparison((tf, a, b) => tf.greaterEqual(a, b)),
  And: arithmetic((tf, a, b) => tf.logicalAnd(a, b)),
  Or: arithmetic((tf, a, b) => tf.logicalOr(a, b)),
  Xor: arithmetic((tf, a, b) => tf.logicalXor(a, b)),
  Not: unary((tf, x) => tf.logicalNot(x)),
  IsNaN: unary((tf, x) => tf.isNaN(x)),
  IsInf: isInfinite,
  Neg: unary((tf, x) => tf.neg(x)),
  Abs: unary((tf, x) => tf.abs(x)),
  Sign: unary((tf, x) => tf.sign(x)),
  Floor: unary((tf, x) => tf.floor(x)),
  Ceil: unary((tf, x) => tf.ceil(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  LeakyRelu: unary((tf, x, node) => tf.leakyRelu(x, floatOf(node, 'alpha', 0.01))),
  Softplus: unary((tf, x) => tf.softplus(x)),
  Reciprocal: unary((tf, x) => tf.reciprocal(x)),
  Cos: unary((tf, x) => tf.cos(x)),
  Sin: unary((tf, x) => tf.sin(x)),
  Identity: unary((tf, x) => tf.clone(x)),
  Gelu: unary((tf, x, node) =>
    textOf(node, 'approximate', 'none') === 'tanh' ? geluTanh(tf, x) : geluErf(tf, x),
  ),
  Cast: cast,
  Clip: clip,
  Where: (call) => call.tf.where(call.tensor(0), call.tensor(1), call.tensor(2)),
}

export const elementwiseContribKernels: Kernels = {
  Gelu: unary(geluErf),
  FastGelu: fastGelu,
  QuickGelu: unary((tf, x, node) => sigmoidLinear(tf, x, floatOf(node, 'alpha', 1.702))),
}
