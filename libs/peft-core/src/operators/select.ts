/**
 * Operators that pick the largest or smallest elements.
 * @module
 */
import { axisOf, intOf, type Node, sizeOf } from '../graph/graph.js'
import { constantInts, type Operator, type Operators, required } from './operator.js'

/** Spec: https://onnx.ai/onnx/operators/onnx__TopK.html; among equals, the first. */
const topK: Operator = {
  infer: ({ node, inputs }) => {
    const { element, shape } = required(inputs, 0, node.op)
    const [count] = constantInts(inputs[1], 'how many to pick') as [number]
    const axis = axisOf(intOf(node, 'axis', -1), shape.length)
    if (count > (shape[axis] as number))
      throw new RangeError(`expected at most ${shape[axis]} to pick, got ${count}`)
    const picked = shape.with(axis, count)
    return [
      { element, shape: picked },
      { element: 'int64', shape: picked },
    ]
  },
  evaluate: (node, inputs) => {
    const input = required(inputs, 0, node.op)
    const count = required(inputs, 1, node.op).data[0] as number
    const axis = axisOf(intOf(node, 'axis', -1), input.shape.length)
    const side = input.shape[axis] as number
    const inner = sizeOf(input.shape.slice(axis + 1))
    const shape = input.shape.with(axis, count)
    const [values, indices] = [new Float64Array(sizeOf(shape)), new Float64Array(sizeOf(shape))]
    for (let line = 0; line < input.data.length / side; line++) {
      const [block, within] = [Math.floor(line / inner), line % inner]
      const at = (place: number, length: number): number => (block * length + place) * inner + within
      const found = Float64Array.from({ length: side }, (_, place) => input.data[at(place, side)] as number)
      for (const [rank, place] of picked(node, found, count).entries()) {
        values[at(rank, count)] = found[place] as number
        indices[at(rank, count)] = place
      }
    }
    return [
      { element: input.element, shape, data: values },
      { element: 'int64', shape, data: indices },
    ]
  },
}

/** The places of the `count` largest numbers, or smallest, in their order, or else in that of their places. */
function picked(node: Pick<Node, 'attributes'>, found: Float64Array, count: number): readonly number[] {
  const sign = intOf(node, 'largest', 1) === 1 ? 1 : -1
  const places = Array.from(found.keys())
    .sort((a, b) => sign * ((found[b] as number) - (found[a] as number)) || a - b)
    .slice(0, count)
  return intOf(node, 'sorted', 1) === 1 ? places : places.toSorted((a, b) => a - b)
}

export const selections: Operators = { TopK: topK }
