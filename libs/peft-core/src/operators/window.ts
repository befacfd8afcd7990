/**
 * How a kernel moves over the spatial axes of a value, for convolutions and pooling.
 * Spec: https://onnx.ai/onnx/operators/onnx__MaxPool.html
 * @module
 */
import { intOf, intsOf, type Node, sizeOf, textOf } from '../graph/graph.js'

export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** What is added before each spatial axis. */
  readonly starts: readonly number[]
  /** What is added behind each spatial axis. */
  readonly ends: readonly number[]
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
  const [starts, ends] = [pads.slice(0, input.length), pads.slice(input.length)]
  const sides = input.map((side, axis) => {
    const [start, stride] = [starts[axis] as number, strides[axis] as number]
    const steps = (side + start + (ends[axis] as number) - (spans[axis] as number)) / stride
    const up = Math.ceil(steps)
    // a window that would start in the padding behind is left out
    if (intOf(node, 'ceil_mode', 0) === 1) return (up * stride >= side + start ? up - 1 : up) + 1
    return Math.floor(steps) + 1
  })
  if (sides.some((side) => side < 1)) {
    throw new RangeError(`a window of ${spans.join(' x ')} does not fit (${input.join(', ')})`)
  }
  return { kernel, strides, dilations, starts, ends, sides }
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

/** Stands for a place outside the input. */
export const PADDING = -1

/** What the kernel meets at one position of the output. */
export interface Meeting {
  /** For each element of the kernel the flat index of the input that it meets, or PADDING. */
  readonly sources: readonly number[]
  /** How many elements meet the input or its padding; the last window may reach beyond both. */
  readonly inside: number
}

/** What the kernel meets at each position of the output, for spatial sides of the input. */
export function meetings(window: Window, input: readonly number[]): readonly Meeting[] {
  const offsets = Array.from({ length: sizeOf(window.kernel) }, (_, k) => positionOf(k, window.kernel))
  return Array.from({ length: sizeOf(window.sides) }, (_, flat) => {
    const at = positionOf(flat, window.sides)
    const places = offsets.map((offset) => placeOf(window, at, offset))
    const isInside = (place: readonly number[]): boolean =>
      place.every((x, axis) => x < (input[axis] as number) + (window.ends[axis] as number))
    return {
      sources: places.map((place) => flatIndex(place, input)),
      inside: places.filter(isInside).length,
    }
  })
}

/** The position of a flat index along each axis. */
function positionOf(flat: number, shape: readonly number[]): readonly number[] {
  const position: number[] = []
  let rest = flat
  for (const side of shape.toReversed()) {
    position.unshift(rest % side)
    rest = Math.floor(rest / side)
  }
  return position
}

/** Where the kernel's element lies along each axis; below zero, or from the side on, outside the input. */
function placeOf(window: Window, at: readonly number[], offset: readonly number[]): readonly number[] {
  return at.map((step, axis) => {
    const start = step * (window.strides[axis] as number) - (window.starts[axis] as number)
    return start + (offset[axis] as number) * (window.dilations[axis] as number)
  })
}

function flatIndex(place: readonly number[], input: readonly number[]): number {
  const isOutside = place.some((x, axis) => x < 0 || x >= (input[axis] as number))
  return isOutside ? PADDING : place.reduce((flat, x, axis) => flat * (input[axis] as number) + x, 0)
}
