/**
 * Pooling over the spatial axes of x (B, C, …).
 * Specs: https://onnx.ai/onnx/operators/onnx__MaxPool.html, https://onnx.ai/onnx/operators/onnx__AveragePool.html
 * @module
 */
import { intOf, intsOf, type Node, sizeOf } from '../graph/graph.js'
import { type Constant, type Operator, type Operators, required } from './operator.js'
import { meetings, PADDING, type Window, windowOver } from './window.js'

/** The value of one window from the numbers that it covers and the number of its places, padding included. */
type Pool = (covered: readonly number[], places: number, node: Pick<Node, 'attributes'>) => number

/** `whole`: the window is the whole of the spatial axes. */
function pooling(pool: Pool, whole: boolean): Operator {
  const windowOf = (node: Pick<Node, 'attributes'>, shape: readonly number[]): Window => {
    const input = shape.slice(2)
    const kernel = whole ? input : intsOf(node, 'kernel_shape')
    if (shape.length < 3 || kernel?.length !== input.length) {
      throw new RangeError(`expected a kernel of ${shape.length - 2} sides, got ${kernel?.length ?? 'none'}`)
    }
    return windowOver(node, input, kernel)
  }
  return {
    infer: ({ node, inputs }) => {
      if (node.outputs.length > 1) throw new TypeError('the indices of the largest numbers are not supported')
      const { element, shape } = required(inputs, 0, node.op)
      return [{ element, shape: [...shape.slice(0, 2), ...windowOf(node, shape).sides] }]
    },
    evaluate: (node, inputs) => {
      const x = required(inputs, 0, node.op)
      return [pooled(x, windowOf(node, x.shape), (covered, places) => pool(covered, places, node))]
    },
  }
}

function pooled(
  x: Constant,
  window: Window,
  pool: (covered: readonly number[], places: number) => number,
): Constant {
  const input = x.shape.slice(2)
  const [inputSize, outputSize] = [sizeOf(input), sizeOf(window.sides)]
  const planes = sizeOf(x.shape.slice(0, 2))
  const data = new Float64Array(planes * outputSize)
  for (const [flat, { sources, inside }] of meetings(window, input).entries()) {
    const read = sources.filter((source) => source !== PADDING)
    for (let plane = 0; plane < planes; plane++) {
      const covered = read.map((source) => x.data[plane * inputSize + source] as number)
      data[plane * outputSize + flat] = pool(covered, inside)
    }
  }
  return { element: x.element, shape: [...x.shape.slice(0, 2), ...window.sides], data }
}

const largest: Pool = (covered) => covered.reduce((a, b) => Math.max(a, b), -Infinity)
const mean: Pool = (covered, places, node) =>
  covered.reduce((a, b) => a + b, 0) / (intOf(node, 'count_include_pad', 0) === 1 ? places : covered.length)

export const poolings: Operators = {
  MaxPool: pooling(largest, false),
  AveragePool: pooling(mean, false),
  GlobalMaxPool: pooling(largest, true),
  GlobalAveragePool: pooling(mean, true),
}
