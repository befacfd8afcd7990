/**
 * Gradients of operators that move elements without computing with them.
 * @module
 */
import { axisOf, int, intOf, intsOf, type Value } from '../../graph/graph.js'
import { elementNumbers } from '../../operators/elementwise.js'
import { sliceRanges } from '../../operators/parts.js'
import { algebra, sumTo } from './algebra.js'
import { gradientOf, inputOf, outputOf, type Rule, type RuleCall, type Rules } from './rule.js'
import { spread } from './spread.js'

/** The same elements under another shape. */
const reshaping: Rule = (call) => [algebra(call.builder).reshape(gradientOf(call), inputOf(call, 0).shape)]

const transpose: Rule = (call) => {
  const gradient = gradientOf(call)
  const rank = gradient.shape.length
  const order = intsOf(call.node, 'perm') ?? gradient.shape.map((_, axis) => rank - 1 - axis)
  const back = order.map((_, axis) => order.indexOf(axis))
  return [algebra(call.builder).transpose(gradient, back)]
}

const expand: Rule = (call) => [
  sumTo(call.builder, gradientOf(call), inputOf(call, 0).shape, outputOf(call).shape),
]

const concat: Rule = (call) => {
  const { builder, node, inputs, needed } = call
  const gradient = gradientOf(call)
  const axis = axisOf(intOf(node, 'axis', 0), gradient.shape.length)
  const sides = inputs.map((_, index) => inputOf(call, index).shape[axis] as number)
  const { integers } = algebra(builder)
  if (needed.every(Boolean)) {
    const attributes = { axis: int(axis) }
    return builder.ops('Split', [gradient, integers(sides)], { attributes, outputs: sides.length })
  }
  let start = 0
  return sides.map((side, index) => {
    const [from, to] = [start, start + side]
    start = to
    if (!needed[index]) return undefined
    return builder.op('Slice', [gradient, integers([from]), integers([to]), integers([axis])])
  })
}

const split: Rule = (call) => {
  const { builder, node, outputs, gradients } = call
  const { concat, zeros } = algebra(builder)
  const x = inputOf(call, 0)
  const parts = gradients.map((gradient, index) => {
    const output = outputs[index]
    if (output === undefined) throw new TypeError(`Split "${node.name}" expects a name for output ${index}`)
    return gradient ?? zeros(output.shape, output.element)
  })
  return [concat(parts, axisOf(intOf(node, 'axis', 0), x.shape.length))]
}

function knownInts(call: RuleCall, index: number): readonly number[] | undefined {
  const input = call.inputs[index]
  if (input === undefined) return undefined
  const known = call.builder.constantOf(input)
  if (known === undefined) {
    throw new TypeError(
      `${call.node.op} "${call.node.name}" expects input ${index} to be known before the graph runs`,
    )
  }
  return Array.from(known.data)
}

/** Each sliced axis takes its gradient back to the places it came from, and zeros elsewhere. */
const slice: Rule = (call) => {
  const x = inputOf(call, 0)
  const [starts, ends] = [knownInts(call, 1) ?? [], knownInts(call, 2) ?? []]
  const ranges = sliceRanges(x.shape, starts, ends, knownInts(call, 3), knownInts(call, 4))
  return [
    ranges.reduce((gradient, { start, step, length }, axis) => {
      const from = Array.from({ length }, (_, at) => start + at * step)
      return spread(call.builder, gradient, { axis, from, side: x.shape[axis] as number })
    }, gradientOf(call)),
  ]
}

/** Each axis becomes (copies, side); the gradient is the sum over the copies. */
const tile: Rule = (call) => {
  const { reshape, sum } = algebra(call.builder)
  const { shape } = inputOf(call, 0)
  const repeats = knownInts(call, 1) ?? []
  const folded = shape.flatMap((side, axis) => [repeats[axis] as number, side])
  const copied = repeats.flatMap((repeat, axis) => (repeat === 1 ? [] : [2 * axis]))
  return [reshape(sum(reshape(gradientOf(call), folded), copied), shape)]
}

const cast: Rule = (call) => {
  const to = elementNumbers[inputOf(call, 0).element]
  return [algebra(call.builder).apply('Cast', gradientOf(call), { to: int(to) })]
}

const where: Rule = (call) => {
  const { builder, needed } = call
  const { where } = algebra(builder)
  const [condition, gradient] = [inputOf(call, 0), gradientOf(call)]
  const back = (index: number, masked: () => Value): Value | undefined =>
    needed[index] ? sumTo(builder, masked(), inputOf(call, index).shape, outputOf(call).shape) : undefined
  return [
    undefined,
    back(1, () => where(condition, gradient, 0)),
    back(2, () => where(condition, 0, gradient)),
  ]
}

/** The same triangle of the gradient. */
const trilu: Rule = (call) => {
  const [, shift] = call.inputs
  const inputs = shift === undefined ? [gradientOf(call)] : [gradientOf(call), shift]
  return [call.builder.op('Trilu', inputs, { attributes: call.node.attributes })]
}

export const shapeRules: Rules = {
  Reshape: reshaping,
  Squeeze: reshaping,
  Unsqueeze: reshaping,
  Flatten: reshaping,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Tile: tile,
  Cast: cast,
  Where: where,
  Trilu: trilu,
}
