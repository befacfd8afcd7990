/**
 * Reductions over axes and running sums.
 * @module
 */
import { axisOf, intOf, type Node, sizeOf } from '../graph/graph.js'
import { type Constant, constantInts, type Operator, type Operators, required } from './operator.js'

/** The axes a reduction works on: all of them when none are given (unless `noop_with_empty_axes`). */
function reducedAxes(
  node: Pick<Node, 'attributes'>,
  given: readonly number[] | undefined,
  rank: number,
): readonly number[] {
  if (given === undefined || given.length === 0) {
    return intOf(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis)
  }
  return given.map((axis) => axisOf(axis, rank))
}

function reducedShape(shape: readonly number[], axes: readonly number[], keep: boolean): readonly number[] {
  return shape.flatMap((side, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [side]))
}

/** For each element of `shape`, the flat index of the element it reduces into. */
export function reductionIndices(shape: readonly number[], axes: readonly number[]): Int32Array {
  const kept = reducedShape(shape, axes, true)
  const strides = kept.map((_, axis) => (axes.includes(axis) ? 0 : sizeOf(kept.slice(axis + 1))))
  return Int32Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let rest = flat
    let index = 0
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const side = shape[axis] as number
      index += (rest % side) * (strides[axis] as number)
      rest = Math.floor(rest / side)
    }
    return index
  })
}

function reduction(
  start: number,
  step: (so: number, x: number) => number,
  finish: (so: number, count: number) => number,
): Operator {
  return {
    infer: ({ node, inputs }) => {
      const input = required(inputs, 0, node.op)
      const axes = reducedAxes(node, inputs[1] && constantInts(inputs[1], 'the axes'), input.shape.length)
      return [
        { element: input.element, shape: reducedShape(input.shape, axes, intOf(node, 'keepdims', 1) === 1) },
      ]
    },
    evaluate: (node, inputs) => {
      const input = required(inputs, 0, node.op)
      const axes = reducedAxes(node, inputs[1] && Array.from(inputs[1].data), input.shape.length)
      const shape = reducedShape(input.shape, axes, intOf(node, 'keepdims', 1) === 1)
      const sums = new Float64Array(sizeOf(shape)).fill(start)
      const into = reductionIndices(input.shape, axes)
      input.data.forEach((x, flat) => {
        const at = into[flat] as number
        sums[at] = step(sums[at] as number, x)
      })
      const count = input.data.length / sums.length
      return [{ element: input.element, shape, data: sums.map((so) => finish(so, count)) }]
    },
  }
}

const same = (so: number): number => so

/** Running sums along an axis; `exclusive` leaves an element's own value out, `reverse` starts at the end. */
const cumulativeSum: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const [axis] = constantInts(inputs[1], 'the axis')
    axisOf(axis as number, shape.length)
    return [{ element, shape }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const axis = axisOf(required(inputs, 1, node.op).data[0] ?? 0, input.shape.length)
    const [exclusive, reverse] = [intOf(node, 'exclusive', 0) === 1, intOf(node, 'reverse', 0) === 1]
    const stride = sizeOf(input.shape.slice(axis + 1))
    const side = input.shape[axis] as number
    const data = new Float64Array(input.data.length)
    for (let line = 0; line < data.length / side; line++) {
      const start = Math.floor(line / stride) * side * stride + (line % stride)
      let sum = 0
      for (let step = 0; step < side; step++) {
        const at = start + (reverse ? side - 1 - step : step) * stride
        const x = input.data[at] as number
        data[at] = exclusive ? sum : sum + x
        sum += x
      }
    }
    return [{ element: input.element, shape: input.shape, data }]
  },
}

const argMax: Operator = {
  infer: ({ node, inputs }) => {
    const { shape } = required(inputs, 0, node.op)
    const axes = [axisOf(intOf(node, 'axis', 0), shape.length)]
    return [{ element: 'int64', shape: reducedShape(shape, axes, intOf(node, 'keepdims', 1) === 1) }]
  },
  evaluate: (node, inputs) => {
    const input: Constant = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), input.shape.length)
    const takesLast = intOf(node, 'select_last_index', 0) === 1
    const shape = reducedShape(input.shape, [axis], intOf(node, 'keepdims', 1) === 1)
    const best = new Float64Array(sizeOf(shape)).fill(-Infinity)
    const at = new Float64Array(best.length)
    const into = reductionIndices(input.shape, [axis])
    const stride = sizeOf(input.shape.slice(axis + 1))
    input.data.forEach((x, flat) => {
      const index = into[flat] as number
      const so = best[index] as number
      if (x > so || (takesLast && x === so)) {
        best[index] = x
        at[index] = Math.floor(flat / stride) % (input.shape[axis] as number)
      }
    })
    return [{ element: 'int64', shape, data: at }]
  },
}

export const reductions: Operators = {
  ReduceSum: reduction(0, (so, x) => so + x, same),
  ReduceMean: reduction(
    0,
    (so, x) => so + x,
    (so, count) => so / count,
  ),
  ReduceMax: reduction(-Infinity, Math.max, same),
  ReduceMin: reduction(Infinity, Math.min, same),
  ReduceProd: reduction(1, (so, x) => so * x, same),
  ReduceSumSquare: reduction(0, (so, x) => so + x * x, same),
  ReduceL2: reduction(0, (so, x) => so + x * x, Math.sqrt),
  ArgMax: argMax,
  CumSum: cumulativeSum,
}
