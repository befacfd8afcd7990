/**
 * Rotary position embedding, `com.microsoft.RotaryEmbedding`, for x (batch, heads, sequence, width).
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.RotaryEmbedding
 * Paper: https://arxiv.org/abs/2104.09864
 * @module
 */
import { intOf } from '../graph/graph.js'
import { type Operator, type Operators, required } from './operator.js'

/** Inputs: x (B, H, T, D), positions (B, T) or (1), cosines (P, D/2), sines (P, D/2). Rotates the halves of the width. */
const rotary: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    if (shape.length !== 4) throw new RangeError(`expected x of rank 4, got rank ${shape.length}`)
    if (intOf(node, 'interleaved', 0) !== 0)
      throw new TypeError('interleaved rotary embedding is not supported')
    return [{ element, shape }]
  },
  evaluate: (node, inputs) => {
    const x = required(inputs, 0, node.op)
    const positions = required(inputs, 1, node.op)
    const [cosines, sines] = [required(inputs, 2, node.op), required(inputs, 3, node.op)]
    const [batch, heads, length, width] = x.shape as [number, number, number, number]
    const half = cosines.shape[1] as number
    const data = Float64Array.from(x.data)
    for (let row = 0; row < batch * heads * length; row++) {
      const step = row % length
      const item = Math.floor(row / (heads * length))
      const at =
        positions.data.length === 1
          ? (positions.data[0] as number) + step
          : (positions.data[item * length + step] as number)
      for (let k = 0; k < half; k++) {
        const [first, second] = [row * width + k, row * width + half + k]
        const [c, s] = [cosines.data[at * half + k] as number, sines.data[at * half + k] as number]
        data[first] = (x.data[first] as number) * c - (x.data[second] as number) * s
        data[second] = (x.data[second] as number) * c + (x.data[first] as number) * s
      }
    }
    return [{ ...x, data }]
  },
}

export const rotaryContrib: Operators = { RotaryEmbedding: rotary }
