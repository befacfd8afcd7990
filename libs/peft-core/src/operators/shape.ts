/**
 * Operators that move elements without computing with them, and operators on shapes.
 * @module
 */
import { axisOf, broadcastShape, intOf, intsOf, type Node, sizeOf } from '../graph/graph.js'
import { broadcastIndices } from './elementwise.js'
import { constantInts, type Operator, type OperatorInput, type Operators, required } from './operator.js'
import { strided, stridesOf } from './parts.js'

/** The shape a Reshape gives: 0 copies the input's side (unless `allowzero`), -1 takes what is left. */
export function reshapedShape(
  from: readonly number[],
  to: readonly number[],
  allowZero: boolean,
): readonly number[] {
  const sides = to.map((side, axis) => (side === 0 && !allowZero ? (from[axis] ?? 0) : side))
  const rest = sizeOf(sides.filter((side) => side !== -1))
  const shape = sides.map((side) => (side === -1 ? sizeOf(from) / rest : side))
  if (sizeOf(shape) !== sizeOf(from) || !shape.every(Number.isInteger)) {
    throw new RangeError(`cannot reshape (${from.join(', ')}) to (${to.join(', ')})`)
  }
  return shape
}

/** An operator whose output is the input's elements in the same order under another shape. */
function reshaping(
  shapeOf: (
    shape: readonly number[],
    node: Pick<Node, 'attributes'>,
    second?: readonly number[],
  ) => readonly number[],
): Operator {
  return {
    infer: ({ node, inputs }) => {
      const { element, shape } = required(inputs, 0, node.op)
      return [
        { element, shape: shapeOf(shape, node, inputs[1] && constantInts(inputs[1], 'the shape or axes')) },
      ]
    },
    evaluate: (node, inputs) => {
      const input = required(inputs, 0, node.op)
      return [{ ...input, shape: shapeOf(input.shape, node, inputs[1] && Array.from(inputs[1].data)) }]
    },
  }
}

function unsqueezed(shape: readonly number[], axes: readonly number[] = []): readonly number[] {
  const rank = shape.length + axes.length
  const added = axes.map((axis) => axisOf(axis, rank))
  const sides = [...shape]
  return Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (sides.shift() as number)))
}

function squeezed(shape: readonly number[], axes?: readonly number[]): readonly number[] {
  const gone = axes?.map((axis) => axisOf(axis, shape.length))
  return shape.filter((side, axis) => (gone === undefined ? side !== 1 : !gone.includes(axis)))
}

function flattened(shape: readonly number[], node: Pick<Node, 'attributes'>): readonly number[] {
  const axis = intOf(node, 'axis', 1)
  const at = axis < 0 ? axis + shape.length : axis
  return [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))]
}

function permutation(node: Pick<Node, 'attributes'>, rank: number): readonly number[] {
  return intsOf(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
}

const transpose: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const order = permutation(node, shape.length)
    if (order.length !== shape.length)
      throw new RangeError(`expected ${shape.length} axes in perm, got ${order.length}`)
    return [{ element, shape: order.map((axis) => shape[axis] as number) }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const order = permutation(node, input.shape.length)
    const strides = stridesOf(input.shape)
    return [
      strided(
        input,
        order.map((axis) => input.shape[axis] as number),
        order.map((axis) => strides[axis] as number),
      ),
    ]
  },
}

const expand: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    return [{ element, shape: broadcastShape(shape, constantInts(inputs[1], 'the shape')) }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const shape = broadcastShape(input.shape, Array.from(required(inputs, 1, node.op).data))
    const data = Float64Array.from(broadcastIndices(input.shape, shape), (at) => input.data[at] as number)
    return [{ element: input.element, shape, data }]
  },
}

const shapeOperator: Operator = {
  infer: ({ node, inputs }) => [
    { element: 'int64', shape: [shapePart(node, required(inputs, 0, node.op)).length] },
  ],
  evaluate: (node, inputs) => {
    const part = shapePart(node, required(inputs, 0, node.op))
    return [{ element: 'int64', shape: [part.length], data: Float64Array.from(part) }]
  },
}

export function shapePart(
  node: Pick<Node, 'attributes'>,
  { shape }: Pick<OperatorInput, 'shape'>,
): readonly number[] {
  const end = node.attributes.end
  return shape.slice(intOf(node, 'start', 0), end?.kind === 'int' ? end.value : undefined)
}

const range: Operator = {
  infer: ({ inputs }) => {
    const [start, limit, delta] = [0, 1, 2].map(
      (index) => constantInts(inputs[index], 'the range')[0] as number,
    )
    return [
      {
        element: required(inputs, 0, 'Range').element,
        shape: [rangeLength(start as number, limit as number, delta as number)],
      },
    ]
  },
  evaluate: (node, inputs) => {
    const [start, limit, delta] = [0, 1, 2].map(
      (index) => required(inputs, index, node.op).data[0] as number,
    ) as [number, number, number]
    const length = rangeLength(start, limit, delta)
    return [
      {
        element: required(inputs, 0, node.op).element,
        shape: [length],
        data: Float64Array.from({ length }, (_, index) => start + index * delta),
      },
    ]
  },
}

const rangeLength = (start: number, limit: number, delta: number): number =>
  Math.max(0, Math.ceil((limit - start) / delta))

export const shapes: Operators = {
  Reshape: reshaping((shape, node, to) => reshapedShape(shape, to ?? [], intOf(node, 'allowzero', 0) === 1)),
  Unsqueeze: reshaping((shape, _, axes) => unsqueezed(shape, axes)),
  Squeeze: reshaping((shape, _, axes) => squeezed(shape, axes)),
  Flatten: reshaping(flattened),
  Transpose: transpose,
  Expand: expand,
  Shape: shapeOperator,
  Size: {
    infer: () => [{ element: 'int64', shape: [] }],
    evaluate: (node, inputs) => [
      { element: 'int64', shape: [], data: Float64Array.of(sizeOf(required(inputs, 0, node.op).shape)) },
    ],
  },
  Range: range,
}
