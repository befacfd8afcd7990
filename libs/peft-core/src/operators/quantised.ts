/**
 * Weights stored as small integers: w = (q - zero point) scale, with a scale for each block of an axis.
 * Spec: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html and MatMulNBits in
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 * @module
 */
import { axisOf, intOf, sizeOf, type TensorType } from '../graph/graph.js'
import { type Constant, type Operator, type OperatorCall, type Operators, required } from './operator.js'
import { stridesOf } from './parts.js'

const dequantizeLinear: Operator = {
  infer: ({ node, inputs }) => {
    const { shape } = required(inputs, 0, node.op)
    return [{ element: required(inputs, 1, node.op).element, shape }]
  },
  evaluate: (node, inputs) => {
    const [stored, scale, zero] = [required(inputs, 0, node.op), required(inputs, 1, node.op), inputs[2]]
    const at = scaleIndices(node, stored.shape, scale.shape)
    const data = stored.data.map(
      (q, flat) => (q - (zero?.data[at(flat)] ?? 0)) * (scale.data[at(flat)] as number),
    )
    return [{ element: scale.element, shape: stored.shape, data }]
  },
}

/** Which scale each stored number has: one for all, one for each place of the axis, or one for each block of it. */
function scaleIndices(
  node: OperatorCall['node'],
  shape: readonly number[],
  scales: readonly number[],
): (flat: number) => number {
  if (sizeOf(scales) === 1) return () => 0
  const axis = axisOf(intOf(node, 'axis', 1), shape.length)
  const [stride, side] = [stridesOf(shape)[axis] as number, shape[axis] as number]
  const block = intOf(node, 'block_size', 0)
  if (block === 0) return (flat) => Math.floor(flat / stride) % side
  const blocks = Math.ceil(side / block)
  return (flat) => {
    const outer = Math.floor(flat / (stride * side))
    const place = Math.floor((Math.floor(flat / stride) % side) / block)
    return (outer * blocks + place) * stride + (flat % stride)
  }
}

/** What the attributes of a MatMulNBits say of its matrix (N, K). */
export interface BlockLayout {
  readonly outputs: number // N
  readonly inputs: number // K
  readonly bits: 4 | 8
  readonly block: number
  /** Blocks of a row. */
  readonly blocks: number
}

/** The layout of a MatMulNBits; RangeError when its sizes do not fit together. */
export function blockLayout(node: OperatorCall['node'], packed: TensorType, scales: TensorType): BlockLayout {
  const [outputs, inputs] = [intOf(node, 'N', 0), intOf(node, 'K', 0)]
  const [bits, block] = [intOf(node, 'bits', 4), intOf(node, 'block_size', 32)]
  if (bits !== 4 && bits !== 8) throw new RangeError(`expected 4 or 8 bits, got ${bits}`)
  const blocks = Math.ceil(inputs / block)
  const rowBytes = (blocks * block * bits) / 8
  if (sizeOf(packed.shape) !== outputs * rowBytes || sizeOf(scales.shape) !== outputs * blocks) {
    const got = `(${packed.shape.join(', ')}) and (${scales.shape.join(', ')})`
    throw new RangeError(
      `expected ${outputs * rowBytes} bytes and ${outputs * blocks} scales for (${outputs}, ${inputs}) in blocks of ${block}, got ${got}`,
    )
  }
  return { outputs, inputs, bits, block, blocks }
}

const matmulNBits: Operator = {
  infer: ({ node, inputs }) => {
    const x = required(inputs, 0, node.op)
    const layout = blockLayout(node, required(inputs, 1, node.op), required(inputs, 2, node.op))
    if (x.shape.at(-1) !== layout.inputs)
      throw new RangeError(`expected rows of ${layout.inputs} numbers, got (${x.shape.join(', ')})`)
    if (inputs[4] !== undefined)
      throw new RangeError('expected no g_idx: blocks in another order are not supported')
    return [{ element: x.element, shape: [...x.shape.slice(0, -1), layout.outputs] }]
  },
  evaluate: (node, inputs) => {
    const [x, bias] = [required(inputs, 0, node.op), inputs[5]]
    const layout = blockLayout(node, required(inputs, 1, node.op), required(inputs, 2, node.op))
    const matrix = unpack(layout, required(inputs, 1, node.op), required(inputs, 2, node.op), inputs[3])
    const { outputs, inputs: width } = layout
    const rows = x.data.length / width
    const data = new Float64Array(rows * outputs)
    for (let row = 0; row < rows; row++) {
      for (let output = 0; output < outputs; output++) {
        let sum = bias?.data[output] ?? 0
        for (let k = 0; k < width; k++)
          sum += (x.data[row * width + k] as number) * (matrix[output * width + k] as number)
        data[row * outputs + output] = sum
      }
    }
    return [{ element: x.element, shape: [...x.shape.slice(0, -1), outputs], data }]
  },
}

/** The matrix (N, K) of packed blocks. */
function unpack(
  layout: BlockLayout,
  packed: Constant,
  scales: Constant,
  zeros: Constant | undefined,
): Float64Array {
  const { outputs, inputs, bits, block, blocks } = layout
  const perByte = 8 / bits
  const read = (bytes: Float64Array, at: number): number =>
    ((bytes[Math.floor(at / perByte)] as number) >> (bits * (at % perByte))) & (2 ** bits - 1)
  const zeroRow = Math.ceil(blocks / perByte) * perByte
  const zeroOf = (row: number, place: number): number => {
    if (zeros === undefined) return 2 ** (bits - 1)
    return zeros.element === 'uint8'
      ? read(zeros.data, row * zeroRow + place)
      : (zeros.data[row * blocks + place] as number)
  }
  return Float64Array.from({ length: outputs * inputs }, (_, flat) => {
    const [row, k] = [Math.floor(flat / inputs), flat % inputs]
    const place = Math.floor(k / block)
    const q = read(packed.data, row * blocks * block + k)
    return (q - zeroOf(row, place)) * (scales.data[row * blocks + place] as number)
  })
}

export const quantised: Operators = { DequantizeLinear: dequantizeLinear }

export const quantisedContrib: Operators = { MatMulNBits: matmulNBits }
