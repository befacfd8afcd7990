/**
 * Gradients of matrix products. For Y = alpha op(A) op(B): dA = alpha dY op(B)^T and dB = alpha op(A)^T dY, with the
 * factors swapped where a matrix was transposed. Nothing is transposed in memory: the products take it as a flag.
 * @module
 */
import { floatOf, intOf, sizeOf, type Value } from '../../graph/graph.js'
import { algebra, sumTo } from './algebra.js'
import { gradientOf, inputOf, type Rule, type RuleCall, type Rules } from './rule.js'

interface Factors {
  readonly transA: boolean
  readonly transB: boolean
  readonly alpha: number
}

/** The gradients of both factors of a product whose inputs are the call's first two. */
function factorGradients(call: RuleCall, factors: Factors): readonly (Value | undefined)[] {
  const { builder, needed } = call
  const { reshape } = algebra(builder)
  const [left, right] = [inputOf(call, 0), inputOf(call, 1)]
  const a = reshape(left, left.shape.length === 1 ? [1, ...left.shape] : left.shape)
  const b = reshape(right, right.shape.length === 1 ? [...right.shape, 1] : right.shape)
  const rows = a.shape.at(factors.transA ? -1 : -2) as number
  const columns = b.shape.at(factors.transB ? -2 : -1) as number
  const given = gradientOf(call)
  const vectors = Number(left.shape.length === 1) + Number(right.shape.length === 1)
  const batch = given.shape.slice(0, given.shape.length - 2 + vectors)
  const gradient = reshape(given, [...batch, rows, columns])
  return [
    needed[0] ? reshape(leftGradient(call, a, b, gradient, factors), left.shape) : undefined,
    needed[1] ? reshape(rightGradient(call, a, b, gradient, factors), right.shape) : undefined,
  ]
}

function leftGradient(call: RuleCall, a: Value, b: Value, gradient: Value, factors: Factors): Value {
  const { product } = algebra(call.builder)
  const { transA, transB, alpha } = factors
  const full = transA
    ? product(b, gradient, { transA: transB, transB: true, alpha })
    : product(gradient, b, { transB: !transB, alpha })
  return sumTo(call.builder, full, a.shape, full.shape)
}

function rightGradient(call: RuleCall, a: Value, b: Value, gradient: Value, factors: Factors): Value {
  const { product, reshape } = algebra(call.builder)
  const { transA, transB, alpha } = factors
  // One matrix on the right of many rows: all rows in one product, instead of a product for each batch and a sum.
  const flat = b.shape.length === 2 && !transA
  const rows = (x: Value): Value => reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1) as number])
  const [x, g] = flat ? [rows(a), rows(gradient)] : [a, gradient]
  const full = transB
    ? product(g, x, { transA: true, transB: transA, alpha })
    : product(x, g, { transA: !transA, alpha })
  return sumTo(call.builder, full, b.shape, full.shape)
}

const matmul: Rule = (call) => factorGradients(call, { transA: false, transB: false, alpha: 1 })

const fusedMatmul: Rule = (call) => factorGradients(call, factorsOf(call))

const gemm: Rule = (call) => {
  const { builder, node, inputs, needed } = call
  const gradient = gradientOf(call)
  const addend = inputs[2]
  const scaled = (): Value => algebra(builder).mul(gradient, floatOf(node, 'beta', 1))
  return [
    ...factorGradients(call, factorsOf(call)),
    needed[2] && addend !== undefined ? sumTo(builder, scaled(), addend.shape, gradient.shape) : undefined,
  ]
}

function factorsOf({ node }: RuleCall): Factors {
  return {
    transA: intOf(node, 'transA', 0) === 1,
    transB: intOf(node, 'transB', 0) === 1,
    alpha: floatOf(node, 'alpha', 1),
  }
}

export const productRules: Rules = { MatMul: matmul, Gemm: gemm }

export const productContribRules: Rules = { FusedMatMul: fusedMatmul }
