/**
 * Gradients of arithmetic on two or more values that broadcast. Gradients may arrive, and leave, not yet broadcast.
 * @module
 */
import type { Value } from '../../graph/graph.js'
import { algebra, sumTo } from './algebra.js'
import { gradientOf, inputOf, outputOf, type Rule, type RuleCall, type Rules } from './rule.js'

/** A rule for two inputs, each with its own formula before the sum over broadcast copies. */
function binary(left: (call: RuleCall) => Value, right: (call: RuleCall) => Value): Rule {
  return (call) => {
    const full = outputOf(call).shape
    return [left, right].map((formula, index) =>
      call.needed[index] ? sumTo(call.builder, formula(call), inputOf(call, index).shape, full) : undefined,
    )
  }
}

const add = binary(gradientOf, gradientOf)

/** The sum comes first: what is negated is then as small as the input. */
const sub: Rule = (call) => {
  const [left, right] = add(call)
  return [left, right && algebra(call.builder).apply('Neg', right)]
}

const mul = binary(
  (call) => algebra(call.builder).mul(gradientOf(call), inputOf(call, 1)),
  (call) => algebra(call.builder).mul(gradientOf(call), inputOf(call, 0)),
)

const div = binary(
  (call) => {
    const divisor = inputOf(call, 1)
    const known = call.builder.constantOf(divisor)
    const { mul, div } = algebra(call.builder)
    if (known?.data.length === 1) return mul(gradientOf(call), 1 / (known.data[0] as number))
    return div(gradientOf(call), divisor)
  },
  (call) => {
    const { mul, div, apply } = algebra(call.builder)
    return apply('Neg', mul(gradientOf(call), div(outputOf(call), inputOf(call, 1))))
  },
)

/** The exponent, when it is one number known before the graph runs. */
function knownExponent(call: RuleCall): number | undefined {
  const known = call.builder.constantOf(inputOf(call, 1))
  return known?.data.length === 1 ? known.data[0] : undefined
}

const pow = binary(
  (call) => {
    const { mul, sub, div } = algebra(call.builder)
    const [g, x, y, out] = [gradientOf(call), inputOf(call, 0), inputOf(call, 1), outputOf(call)]
    const power = (exponent: Value): Value => call.builder.op('Pow', [x, exponent])
    const known = knownExponent(call)
    switch (known) {
      case undefined:
        return mul(g, mul(y, power(sub(y, 1))))
      case 0:
        return mul(g, 0)
      case 1:
        return g
      case 2:
        return mul(mul(g, 2), x)
      case 3:
        return mul(mul(g, 3), mul(x, x))
      case 0.5:
        return div(mul(g, 0.5), out)
      case -1:
        return mul(mul(g, -1), mul(out, out))
      default:
        return mul(mul(g, known), power(algebra(call.builder).scalar(known - 1, x.element)))
    }
  },
  (call) => {
    const { mul, where, compare, apply } = algebra(call.builder)
    const x = inputOf(call, 0)
    // 0^y does not change with y > 0, though its logarithm is infinite.
    const slope = where(
      compare('Equal', x, 0),
      0,
      mul(outputOf(call), apply('Log', where(compare('Equal', x, 0), 1, x))),
    )
    return mul(gradientOf(call), slope)
  },
)

/** Sum, of any number of inputs. */
const sum: Rule = (call) =>
  call.inputs.map((input, index) =>
    call.needed[index] && input !== undefined
      ? sumTo(call.builder, gradientOf(call), input.shape, outputOf(call).shape)
      : undefined,
  )

/** Max and Min: the gradient goes to the extreme input, in equal parts to equal ones (as PyTorch's `maximum`). */
const extreme: Rule = (call) => {
  const { builder, inputs, needed } = call
  const { mul, div, add, compare } = algebra(builder)
  const [g, out] = [gradientOf(call), outputOf(call)]
  const wins = inputs.map((_, index) =>
    builder.op('Where', [
      compare('Equal', inputOf(call, index), out),
      algebra(builder).scalar(1, out.element),
      algebra(builder).scalar(0, out.element),
    ]),
  )
  const share = div(g, wins.reduce(add))
  return wins.map((win, index) =>
    needed[index] ? sumTo(builder, mul(share, win), inputOf(call, index).shape, out.shape) : undefined,
  )
}

export const arithmeticRules: Rules = {
  Add: add,
  Sub: sub,
  Mul: mul,
  Div: div,
  Pow: pow,
  Sum: sum,
  Max: extreme,
  Min: extreme,
}
