/**
 * Gradients of functions of one value, element by element. Each formula is written for few passes over memory.
 * @module
 */
import { floatOf, type Node, type Value } from '../../graph/graph.js'
import { type Algebra, algebra } from './algebra.js'
import { gradientOf, inputOf, outputOf, type Rule, type Rules } from './rule.js'

interface Point {
  readonly x: Value // the input
  readonly y: Value // the output
  readonly g: Value // the gradient of the output
  readonly node: Node
}

/** A rule for an operator of one input, from the formula of its input's gradient. */
export function pointwise(formula: (maths: Algebra, point: Point) => Value): Rule {
  return (call) => {
    const point = { x: inputOf(call, 0), y: outputOf(call), g: gradientOf(call), node: call.node }
    return [formula(algebra(call.builder), point)]
  }
}

/** Passes the gradient where the input is inside the limits, ends included. */
const clip: Rule = (call) => {
  const { builder, inputs } = call
  const { where } = algebra(builder)
  const x = inputOf(call, 0)
  const tests = [
    ...(inputs[1] === undefined ? [] : [builder.op('GreaterOrEqual', [x, inputs[1]])]),
    ...(inputs[2] === undefined ? [] : [builder.op('LessOrEqual', [x, inputs[2]])]),
  ]
  return [tests.reduce((gradient, inside) => where(inside, gradient, 0), gradientOf(call))]
}

export const pointwiseRules: Rules = {
  Identity: pointwise((_, { g }) => g),
  Neg: pointwise(({ apply }, { g }) => apply('Neg', g)),
  Abs: pointwise(({ mul, apply }, { x, g }) => mul(g, apply('Sign', x))),
  Sqrt: pointwise(({ mul, div }, { y, g }) => div(mul(g, 0.5), y)),
  Reciprocal: pointwise(({ mul }, { y, g }) => mul(mul(g, -1), mul(y, y))),
  Exp: pointwise(({ mul }, { y, g }) => mul(g, y)),
  Log: pointwise(({ div }, { x, g }) => div(g, x)),
  Sin: pointwise(({ mul, apply }, { x, g }) => mul(g, apply('Cos', x))),
  Cos: pointwise(({ mul, apply }, { x, g }) => mul(apply('Neg', g), apply('Sin', x))),
  Tanh: pointwise(({ mul, sub }, { y, g }) => mul(g, sub(1, mul(y, y)))),
  Sigmoid: pointwise(({ mul, sub }, { y, g }) => mul(g, sub(y, mul(y, y)))),
  // 2 / sqrt(pi) exp(-x^2), with the factor inside the exponent.
  Erf: pointwise(({ mul, sub, apply }, { x, g }) =>
    mul(g, apply('Exp', sub(Math.log(2 / Math.sqrt(Math.PI)), mul(x, x)))),
  ),
  Softplus: pointwise(({ mul, apply }, { x, g }) => mul(g, apply('Sigmoid', x))),
  Relu: pointwise(({ where, compare }, { y, g }) => where(compare('Greater', y, 0), g, 0)),
  LeakyRelu: pointwise(({ where, compare, mul }, { x, g, node }) =>
    where(compare('Greater', x, 0), g, mul(g, floatOf(node, 'alpha', 0.01))),
  ),
  Clip: clip,
}
