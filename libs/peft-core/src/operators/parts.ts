/**
 * Operators that put tensors together and take them apart.
 * @module
 */
import { axisOf, intOf, type Node, sizeOf, type TensorType } from '../graph/graph.js'
import {
  type Constant,
  constantInts,
  type Operator,
  type OperatorInput,
  type Operators,
  required,
} from './operator.js'

/** Reads elements of `input` in the order of `shape`, each at the flat index that `strides` and `start` give. */
export function strided(
  input: Constant,
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Constant {
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

/** How far apart the elements of each axis lie. */
export const stridesOf = (shape: readonly number[]): readonly number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)))

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

/**
 * The note of a Split whose sizes are known only when it runs. Its pieces are typed as if they were even: what reads them
 * may not rest on that side, and a Concat of as many pieces must bring them together again.
 */
export const UNEVEN = 'lorica.uneven'

function typedSides(
  node: Pick<Node, 'attributes' | 'outputs'>,
  side: number,
  sizes: OperatorInput | undefined,
): readonly number[] {
  if (sizes === undefined) return splitSides(node, side)
  if (sizes.constant !== undefined || intOf(node, UNEVEN, 0) === 0) return constantInts(sizes, 'the split')
  const count = node.outputs.length
  return node.outputs.map((_, at) => Math.floor(side / count) + Number(at < side % count))
}

const split: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const axis = axisOf(intOf(node, 'axis', 0), shape.length)
    const sides = typedSides(node, shape[axis] as number, inputs[1])
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

export const parts: Operators = { Concat: concat, Split: split, Slice: slice }
