/**
 * Softmax and the normalisations.
 * @module
 */
import { axisOf, floatOf, intOf, type Node, sizeOf, type TensorType } from '../graph/graph.js'
import { broadcastIndices } from './elementwise.js'
import { type Constant, type Operator, type OperatorCall, type Operators, required } from './operator.js'

/** Applies `compute` to every line along an axis, in place of the elements it reads. */
function alongAxis(input: Constant, axis: number, compute: (line: Float64Array) => Float64Array): Constant {
  const side = input.shape[axis] as number
  const stride = sizeOf(input.shape.slice(axis + 1))
  const data = new Float64Array(input.data.length)
  for (let line = 0; line < data.length / side; line++) {
    const start = Math.floor(line / stride) * side * stride + (line % stride)
    const result = compute(
      Float64Array.from({ length: side }, (_, at) => input.data[start + at * stride] as number),
    )
    result.forEach((x, at) => {
      data[start + at * stride] = x
    })
  }
  return { element: input.element, shape: input.shape, data }
}

function softmaxLine(line: Float64Array): Float64Array {
  const max = line.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = line.map((x) => Math.exp(x - max))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((x) => x / sum)
}

function logSoftmaxLine(line: Float64Array): Float64Array {
  const max = line.reduce((a, b) => Math.max(a, b), -Infinity)
  const logSum = max + Math.log(line.reduce((sum, x) => sum + Math.exp(x - max), 0))
  return line.map((x) => x - logSum)
}

function lines(compute: (line: Float64Array) => Float64Array): Operator {
  return {
    infer: ({ node, inputs }) => {
      const { element, shape } = required(inputs, 0, node.op)
      axisOf(intOf(node, 'axis', -1), shape.length)
      return [{ element, shape }]
    },
    evaluate: (node, inputs) => {
      const input = required(inputs, 0, node.op)
      return [alongAxis(input, axisOf(intOf(node, 'axis', -1), input.shape.length), compute)]
    },
  }
}

interface Rows {
  readonly length: number
  readonly kept: readonly number[]
}

/** The rows a normalisation works on: everything from its axis on is one row; statistics keep sides of 1. */
function rowsOf(node: Pick<Node, 'attributes'>, shape: readonly number[]): Rows {
  const axis = axisOf(intOf(node, 'axis', -1), shape.length)
  return { length: sizeOf(shape.slice(axis)), kept: shape.map((side, at) => (at < axis ? side : 1)) }
}

function normalisation(centred: boolean): Operator {
  return {
    infer: ({ node, inputs }) => {
      const input = required(inputs, 0, node.op)
      const statistics: TensorType = { element: 'float32', shape: rowsOf(node, input.shape).kept }
      const output: TensorType = { element: input.element, shape: input.shape }
      return centred ? [output, statistics, statistics] : [output, statistics]
    },
    evaluate: (node, inputs) => normalise(node, inputs, centred),
  }
}

function normalise(
  node: OperatorCall['node'],
  inputs: readonly (Constant | undefined)[],
  centred: boolean,
): readonly Constant[] {
  const input = required(inputs, 0, node.op)
  const scale = required(inputs, 1, node.op)
  const bias = inputs[2]
  const { length, kept } = rowsOf(node, input.shape)
  const scaleAt = broadcastIndices(scale.shape, input.shape)
  const biasAt = bias && broadcastIndices(bias.shape, input.shape)
  const count = input.data.length / length
  const means = new Float64Array(count)
  const inverses = new Float64Array(count)
  const data = new Float64Array(input.data.length)
  for (let row = 0; row < count; row++) {
    const values = input.data.subarray(row * length, (row + 1) * length)
    const mean = centred ? values.reduce((a, b) => a + b, 0) / length : 0
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / length
    const inverse = 1 / Math.sqrt(variance + floatOf(node, 'epsilon', 1e-5))
    means[row] = mean
    inverses[row] = inverse
    values.forEach((x, at) => {
      const flat = row * length + at
      const scaled = (x - mean) * inverse * (scale.data[scaleAt[flat] as number] as number)
      data[flat] = scaled + (bias && biasAt ? (bias.data[biasAt[flat] as number] as number) : 0)
    })
  }
  const output: Constant = { element: input.element, shape: input.shape, data }
  const inverse: Constant = { element: 'float32', shape: kept, data: inverses }
  return centred ? [output, { element: 'float32', shape: kept, data: means }, inverse] : [output, inverse]
}

/** LayerNormalization gives (output, mean, inverse standard deviation); SimplifiedLayerNormalization (RMS) (output, inverse). */
export const normalisations: Operators = {
  Softmax: lines(softmaxLine),
  LogSoftmax: lines(logSoftmaxLine),
  LayerNormalization: normalisation(true),
  SimplifiedLayerNormalization: normalisation(false),
}
