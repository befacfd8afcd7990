/**
 * Operators that move elements without computing with them, and operators on shapes.
 * @module
 */
import { axisOf, broadcastShape, intOf, intsOf, type Node, sizeOf, type TensorType } from '../graph/graph.js'
import { broadcastIndices } from './elementwise.js'
import {
  type Constant,
  constantInts,
  type Operator,
  type OperatorInput,
  type Operators,
  required,
} from './operator.js'

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

/** Reads elements of `input` in the order of `shape`, each at the flat index that `strides` and `start` give. */
function strided(input: Constant, shape: readonly number[], strides: readonly number[], start = 0): Constant {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let rest = flat
    let at = start
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const side = shape[axis] as number
      at += (rest % side) * (strides[axis] as number)
      rest = Math.floor(rest / side)
    }
    return input.data[at] as number
  })
  return { element: input.element, shape, data }
}

const stridesOf = (shape: readonly number[]): readonly number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

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

const concat: Operator = {
  infer: ({ node, inputs }) => {
    const first = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), first.shape.length)
    const sides = inputs.map((_, index) => {
      const { shape } = required(inputs, index, node.op)
      if (
        shape.length !== first.shape.length ||
        shape.some((side, at) => at !== axis && side !== first.shape[at])
      ) {
        throw new RangeError(`expected shapes equal but for axis ${axis}`)
      }
      return shape[axis] as number
    })
    return [
      {
        element: first.element,
        shape: first.shape.with(
          axis,
          sides.reduce((a, b) => a + b, 0),
        ),
      },
    ]
  },
  evaluate: (node, inputs) => {
    const all = inputs.map((_, index) => required(inputs, index, node.op))
    const first = all[0] as Constant
    const axis = axisOf(intOf(node, 'axis', 0), first.shape.length)
    const outer = sizeOf(first.shape.slice(0, axis))
    const data: number[] = []
    for (let block = 0; block < outer; block++) {
      for (const { data: from } of all) {
        const length = from.length / outer
        for (let at = 0; at < length; at++) data.push(from[block * length + at] as number)
      }
    }
    const side = all.reduce((sum, { shape }) => sum + (shape[axis] as number), 0)
    return [{ element: first.element, shape: first.shape.with(axis, side), data: Float64Array.from(data) }]
  },
}

function splitSides(
  node: Pick<Node, 'attributes' | 'outputs'>,
  side: number,
  given?: readonly number[],
): readonly number[] {
  if (given !== undefined) return given
  const count = intOf(node, 'num_outputs', node.outputs.length)
  const chunk = Math.ceil(side / count)
  return Array.from({ length: count }, (_, index) => Math.min(chunk, side - index * chunk))
}

const split: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), shape.length)
    const sides = splitSides(node, shape[axis] as number, inputs[1] && constantInts(inputs[1], 'the split'))
    if (sides.reduce((a, b) => a + b, 0) !== shape[axis])
      throw new RangeError(`expected parts that sum to ${shape[axis]}, got ${sides.join(' + ')}`)
    return sides.map((side) => ({ element, shape: shape.with(axis, side) }))
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), input.shape.length)
    const strides = stridesOf(input.shape)
    let start = 0
    return splitSides(node, input.shape[axis] as number, inputs[1] && Array.from(inputs[1].data)).map(
      (side) => {
        const part = strided(input, input.shape.with(axis, side), strides, start * (strides[axis] as number))
        start += side
        return part
      },
    )
  },
}

interface Range {
  readonly start: number
  readonly step: number
  readonly length: number
}

/** The clamped ranges of a Slice, one per axis; https://onnx.ai/onnx/operators/onnx__Slice.html */
export function sliceRanges(
  shape: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  axes?: readonly number[],
  steps?: readonly number[],
): readonly Range[] {
  const ranges: Range[] = shape.map((side) => ({ start: 0, step: 1, length: side }))
  starts.forEach((given, index) => {
    const axis = axisOf(axes?.[index] ?? index, shape.length)
    const side = shape[axis] as number
    const step = steps?.[index] ?? 1
    const [low, high] = step > 0 ? [0, side] : [-1, side - 1]
    const clamp = (at: number, least: number): number =>
      Math.min(Math.max(at < 0 ? at + side : at, least), high)
    const start = clamp(given, step > 0 ? low : 0)
    const end = clamp(ends[index] as number, low)
    ranges[axis] = { start, step, length: Math.max(0, Math.ceil((end - start) / step)) }
  })
  return ranges
}

function rangesOf(input: TensorType, parts: readonly (readonly number[] | undefined)[]): readonly Range[] {
  const [starts, ends, axes, steps] = parts
  if (starts === undefined || ends === undefined) throw new TypeError('Slice expects starts and ends')
  return sliceRanges(input.shape, starts, ends, axes, steps)
}

const slice: Operator = {
  infer: ({ node, inputs }) => {
    const input = required(inputs, 0, node.op)
    const parts = [1, 2, 3, 4].map((index) => inputs[index] && constantInts(inputs[index], 'the slice'))
    return [{ element: input.element, shape: rangesOf(input, parts).map(({ length }) => length) }]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const ranges = rangesOf(
      input,
      [1, 2, 3, 4].map((index) => inputs[index] && Array.from((inputs[index] as Constant).data)),
    )
    const strides = stridesOf(input.shape)
    const start = ranges.reduce((sum, range, axis) => sum + range.start * (strides[axis] as number), 0)
    return [
      strided(
        input,
        ranges.map(({ length }) => length),
        ranges.map(({ step }, axis) => step * (strides[axis] as number)),
        start,
      ),
    ]
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
  Concat: concat,
  Split: split,
  Slice: slice,
  Shape: shapeOperator,
  Size: {
    infer: () => [{ element: 'int64', shape: [] }],
    evaluate: (node, inputs) => [
      { element: 'int64', shape: [], data: Float64Array.of(sizeOf(required(inputs, 0, node.op).shape)) },
    ],
  },
  Range: range,
}
