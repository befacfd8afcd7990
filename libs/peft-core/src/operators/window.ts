/**
 * How a kernel moves over the spatial axes of a value, for convolutions and pooling.
 * Spec: https://onnx.ai/onnx/operators/onnx__MaxPool.html
 * @module
 */
import { intOf, intsOf, type Node, textOf } from '../graph/graph.js'

export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** What is added before each spatial axis. */
  readonly starts: readonly number[]
  /** The sides of the result. */
  readonly sides: readonly number[]
}

/** The window of a node's attributes for spatial sides and a kernel. */
export function windowOver(
  node: Pick<Node, 'attributes'>,
  input: readonly number[],
  kernel: readonly number[],
): Window {
  const strides = intsOf(node, 'strides') ?? kernel.map(() => 1)
  const dilations = intsOf(node, 'dilations') ?? kernel.map(() => 1)
  const spans = kernel.map((side, axis) => (side - 1) * (dilations[axis] as number) + 1)
  const pads = padsOf(node, input, spans, strides)
  const starts = pads.slice(0, input.length)
  const sides = input.map((side, axis) => {
    const [start, stride] = [starts[axis] as number, strides[axis] as number]
    const steps = (side + start + (pads[axis + input.length] as number) - (spans[axis] as number)) / stride
    const up = Math.ceil(steps)
    // a window that would start in the padding behind is left out
    if (intOf(node, 'ceil_mode', 0) === 1) return (up * stride >= side + start ? up - 1 : up) + 1
    return Math.floor(steps) + 1
  })
  if (sides.some((side) => side < 1)) {
    throw new RangeError(`a window of ${spans.join(' x ')} does not fit (${input.join(', ')})`)
  }
  return { kernel, strides, dilations, starts, sides }
}

/** What is added before, then after, each spatial axis. */
function padsOf(
  node: Pick<Node, 'attributes'>,
  input: readonly number[],
  spans: readonly number[],
  strides: readonly number[],
): readonly number[] {
  const mode = textOf(node, 'auto_pad', 'NOTSET')
  if (mode === 'NOTSET') return intsOf(node, 'pads') ?? [...input, ...input].map(() => 0)
  if (mode === 'VALID') return [...input, ...input].map(() => 0)
  const totals = input.map((side, axis) => {
    const stride = strides[axis] as number
    return Math.max(0, (Math.ceil(side / stride) - 1) * stride + (spans[axis] as number) - side)
  })
  const less = totals.map((total) => Math.floor(total / 2))
  const more = totals.map((total) => Math.ceil(total / 2))
  return mode === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less]
}

/** The position of a flat index along each axis. */
export function positionOf(flat: number, shape: readonly number[]): readonly number[] {
  const position: number[] = []
  let rest = flat
  for (const side of shape.toReversed()) {
    position.unshift(rest % side)
    rest = Math.floor(rest / side)
  }
  return position
}

/** The flat index that the kernel's element reads from the input, or undefined in the padding. */
export function sourceOf(
  window: Window,
  at: readonly number[],
  offset: readonly number[],
  input: readonly number[],
) {
  let flat = 0
  for (const [axis, side] of input.entries()) {
    const start = (at[axis] as number) * (window.strides[axis] as number) - (window.starts[axis] as number)
    const position = start + (offset[axis] as number) * (window.dilations[axis] as number)
    if (position < 0 || position >= side) return undefined
    flat = flat * side + position
  }
  return flat
}
