/**
 * Gradients of the Gaussian error linear units. Paper: https://arxiv.org/abs/1606.08415
 * @module
 */
import { floatOf, textOf, type Value } from '../../graph/graph.js'
import type { Algebra } from './algebra.js'
import { algebra, sumTo } from './algebra.js'
import { pointwise } from './pointwise.js'
import { gradientOf, inputOf, outputOf, type Rule, type Rules } from './rule.js'

// x Phi(x) has the slope Phi(x) + x phi(x). With t = x / sqrt(2): 2 slope = 1 + erf(t) + t exp(ln(2 / sqrt(pi)) - t^2).
function exactGradient({ add, sub, mul, apply }: Algebra, x: Value, g: Value): Value {
  const t = mul(x, Math.SQRT1_2)
  const density = mul(t, apply('Exp', sub(Math.log(2 / Math.sqrt(Math.PI)), mul(t, t))))
  return mul(mul(g, 0.5), add(add(apply('Erf', t), density), 1))
}

const A = 2 * Math.sqrt(2 / Math.PI)
const B = A * 0.044715

// The tanh form is y = x s with s = sigmoid(v), v = x (A + B x^2); its slope is 1 - (1 - s) (1 - y (A + 3 B x^2)).
function tanhGradient({ add, sub, mul, apply }: Algebra, x: Value, y: Value, g: Value): Value {
  const z = mul(x, Math.sqrt(B))
  const square = mul(z, z) // B x^2
  const rest = apply('Sigmoid', mul(x, sub(-A, square))) // 1 - s
  const other = sub(1, mul(y, add(mul(square, 3), A)))
  return sub(g, mul(g, mul(rest, other)))
}

/** x sigmoid(alpha x) = y: the slope is s + alpha y (1 - s). */
function quickGradient(
  { add, sub, mul, apply }: Algebra,
  x: Value,
  y: Value,
  g: Value,
  alpha: number,
): Value {
  const times = (value: Value): Value => (alpha === 1 ? value : mul(value, alpha))
  const s = apply('Sigmoid', times(x))
  const scaled = times(y)
  return mul(g, add(s, sub(scaled, mul(scaled, s))))
}

const gelu = pointwise((maths, { x, y, g, node }) =>
  textOf(node, 'approximate', 'none') === 'tanh' ? tanhGradient(maths, x, y, g) : exactGradient(maths, x, g),
)

/** FastGelu(x, bias) = tanh-Gelu(x + bias). */
const fastGelu: Rule = (call) => {
  const { builder, inputs, needed } = call
  const maths = algebra(builder)
  const [x, bias] = [inputOf(call, 0), inputs[1]]
  const sum = bias === undefined ? x : maths.add(x, bias)
  const gradient = tanhGradient(maths, sum, outputOf(call), gradientOf(call))
  return [
    needed[0] ? gradient : undefined,
    needed[1] && bias !== undefined ? sumTo(builder, gradient, bias.shape, x.shape) : undefined,
  ]
}

export const geluRules: Rules = { Gelu: gelu }

export const geluContribRules: Rules = {
  Gelu: pointwise((maths, { x, g }) => exactGradient(maths, x, g)),
  FastGelu: fastGelu,
  QuickGelu: pointwise((maths, { x, y, g, node }) =>
    quickGradient(maths, x, y, g, floatOf(node, 'alpha', 1.702)),
  ),
}
