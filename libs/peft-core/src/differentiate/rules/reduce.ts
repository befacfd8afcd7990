/**
 * Gradients of reductions. A sum's gradient is left to be broadcast by whoever reads it.
 * @module
 */
import { axisOf, intOf, sizeOf, type Value } from '../../graph/graph.js'
import { type Algebra, algebra } from './algebra.js'
import { gradientOf, inputOf, outputOf, type Rule, type RuleCall, type Rules } from './rule.js'

interface Reduction {
  readonly x: Value
  readonly y: Value // with sides of 1 on the reduced axes
  readonly g: Value // as y
  readonly axes: readonly number[]
  readonly count: number // how many elements each output is made of
}

function reducedAxes(call: RuleCall, rank: number): readonly number[] {
  const [, given] = call.inputs
  const known = given === undefined ? [] : Array.from(call.builder.constantOf(given)?.data ?? [])
  if (known.length > 0) return known.map((axis) => axisOf(axis, rank))
  return intOf(call.node, 'noop_with_empty_axes', 0) === 1
    ? []
    : Array.from({ length: rank }, (_, axis) => axis)
}

function reduction(formula: (maths: Algebra, reduction: Reduction) => Value): Rule {
  return (call) => {
    const maths = algebra(call.builder)
    const x = inputOf(call, 0)
    const axes = reducedAxes(call, x.shape.length)
    const kept = x.shape.map((side, axis) => (axes.includes(axis) ? 1 : side))
    const y = maths.reshape(outputOf(call), kept)
    const g = maths.reshape(gradientOf(call), kept)
    return [formula(maths, { x, y, g, axes, count: sizeOf(x.shape) / sizeOf(kept) })]
  }
}

/** ReduceMax and ReduceMin: equal parts to equal extremes (as PyTorch's `amax`). */
const extreme = reduction(({ where, compare, div, mul, sum, scalar }, { x, y, g, axes }) => {
  const wins = where(compare('Equal', x, y), scalar(1, x.element), 0)
  return mul(wins, div(g, sum(wins, axes)))
})

export const reductionRules: Rules = {
  ReduceSum: reduction((_, { g }) => g),
  ReduceMean: reduction(({ mul }, { g, count }) => mul(g, 1 / count)),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: reduction(({ mul }, { x, g }) => mul(mul(g, 2), x)),
  ReduceL2: reduction(({ mul, div }, { x, y, g }) => mul(div(g, y), x)),
}
