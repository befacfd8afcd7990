/**
 * Convolution, as patch embeddings use it. Spec: https://onnx.ai/onnx/operators/onnx__Conv.html
 *
 * Sizes used below: B = batch, C = channels, G = groups, O = output channels; spatial axes follow.
 * @module
 */
import { intOf, intsOf, type Node, sizeOf, textOf } from '../graph/graph.js'
import { type Constant, type Operator, type Operators, required } from './operator.js'

interface Window {
  readonly groups: number
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** What is added before each spatial axis. */
  readonly starts: readonly number[]
  readonly sides: readonly number[]
}

/** How the kernel (O, C / G, …) moves over x (B, C, …); RangeError when they do not fit. */
function windowOf(node: Pick<Node, 'attributes'>, x: readonly number[], weight: readonly number[]): Window {
  const kernel = weight.slice(2)
  const input = x.slice(2)
  const groups = intOf(node, 'group', 1)
  if (x.length !== weight.length || x.length < 3 || x[1] !== (weight[1] as number) * groups) {
    throw new RangeError(`expected ${(weight[1] as number) * groups} channels, got (${x.join(', ')})`)
  }
  const strides = intsOf(node, 'strides') ?? kernel.map(() => 1)
  const dilations = intsOf(node, 'dilations') ?? kernel.map(() => 1)
  const spans = kernel.map((side, axis) => (side - 1) * (dilations[axis] as number) + 1)
  const pads = padsOf(node, input, spans, strides)
  const sides = input.map((side, axis) => {
    const padded = side + (pads[axis] as number) + (pads[axis + input.length] as number)
    return Math.floor((padded - (spans[axis] as number)) / (strides[axis] as number)) + 1
  })
  return { groups, kernel, strides, dilations, starts: pads.slice(0, input.length), sides }
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
function positionOf(flat: number, shape: readonly number[]): readonly number[] {
  const position: number[] = []
  let rest = flat
  for (const side of shape.toReversed()) {
    position.unshift(rest % side)
    rest = Math.floor(rest / side)
  }
  return position
}

/** The flat index that the kernel's element reads from the input, or undefined in the padding. */
function sourceOf(
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

/** Stands for a position outside the input. */
export const PADDING = -1

/** For each position of the output and each element of the kernel, the flat index of a channel that they meet at, or PADDING. */
export function windowSources(
  node: Pick<Node, 'attributes'>,
  x: readonly number[],
  weight: readonly number[],
): readonly number[] {
  const window = windowOf(node, x, weight)
  return Array.from({ length: sizeOf(window.sides) }, (_, flat) => {
    const at = positionOf(flat, window.sides)
    return Array.from(
      { length: sizeOf(window.kernel) },
      (_, k) => sourceOf(window, at, positionOf(k, window.kernel), x.slice(2)) ?? PADDING,
    )
  }).flat()
}

function convolve(window: Window, x: Constant, weight: Constant, bias: Constant | undefined): Constant {
  const [batch, channels] = x.shape as [number, number]
  const [outputs, perGroup] = weight.shape as [number, number]
  const input = x.shape.slice(2)
  const [inputSize, kernelSize, outputSize] = [sizeOf(input), sizeOf(window.kernel), sizeOf(window.sides)]
  const data = new Float64Array(batch * outputs * outputSize)
  for (let flat = 0; flat < outputSize; flat++) {
    const at = positionOf(flat, window.sides)
    const sources = Array.from({ length: kernelSize }, (_, k) =>
      sourceOf(window, at, positionOf(k, window.kernel), input),
    )
    for (let row = 0; row < batch * outputs; row++) {
      const output = row % outputs
      const group = Math.floor(output / (outputs / window.groups))
      const first = Math.floor(row / outputs) * channels + group * perGroup
      let sum = bias?.data[output] ?? 0
      for (let channel = 0; channel < perGroup; channel++) {
        for (const [k, source] of sources.entries()) {
          if (source === undefined) continue
          const scale = weight.data[(output * perGroup + channel) * kernelSize + k] as number
          sum += scale * (x.data[(first + channel) * inputSize + source] as number)
        }
      }
      data[row * outputSize + flat] = sum
    }
  }
  return { element: x.element, shape: [batch, outputs, ...window.sides], data }
}

const conv: Operator = {
  infer: ({ node, inputs }) => {
    const [x, weight] = [required(inputs, 0, node.op), required(inputs, 1, node.op)]
    const { sides } = windowOf(node, x.shape, weight.shape)
    return [{ element: x.element, shape: [x.shape[0] as number, weight.shape[0] as number, ...sides] }]
  },
  evaluate: (node, inputs) => {
    const [x, weight] = [required(inputs, 0, node.op), required(inputs, 1, node.op)]
    return [convolve(windowOf(node, x.shape, weight.shape), x, weight, inputs[2])]
  },
}

export const convolutions: Operators = { Conv: conv }
