/**
 * Convolution, as patch embeddings use it. Spec: https://onnx.ai/onnx/operators/onnx__Conv.html
 *
 * Sizes used below: B = batch, C = channels, G = groups, O = output channels; spatial axes follow.
 * @module
 */
import { intOf, type Node, sizeOf } from '../graph/graph.js'
import { type Constant, type Operator, type Operators, required } from './operator.js'
import { meetings, PADDING, type Window, windowOver } from './window.js'

interface Grouped extends Window {
  readonly groups: number
}

/** How the kernel (O, C / G, …) moves over x (B, C, …); RangeError when they do not fit. */
function windowOf(node: Pick<Node, 'attributes'>, x: readonly number[], weight: readonly number[]): Grouped {
  const groups = intOf(node, 'group', 1)
  if (x.length !== weight.length || x.length < 3 || x[1] !== (weight[1] as number) * groups) {
    throw new RangeError(`expected ${(weight[1] as number) * groups} channels, got (${x.join(', ')})`)
  }
  return { groups, ...windowOver(node, x.slice(2), weight.slice(2)) }
}

function convolve(window: Grouped, x: Constant, weight: Constant, bias: Constant | undefined): Constant {
  const [batch, channels] = x.shape as [number, number]
  const [outputs, perGroup] = weight.shape as [number, number]
  const input = x.shape.slice(2)
  const [inputSize, kernelSize, outputSize] = [sizeOf(input), sizeOf(window.kernel), sizeOf(window.sides)]
  const data = new Float64Array(batch * outputs * outputSize)
  for (const [flat, { sources }] of meetings(window, input).entries()) {
    for (let row = 0; row < batch * outputs; row++) {
      const output = row % outputs
      const group = Math.floor(output / (outputs / window.groups))
      const first = Math.floor(row / outputs) * channels + group * perGroup
      let sum = bias?.data[output] ?? 0
      for (let channel = 0; channel < perGroup; channel++) {
        for (const [k, source] of sources.entries()) {
          if (source === PADDING) continue
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
