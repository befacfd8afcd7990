/**
 * Rewrites operators on sequences of tensors: the parts of a sequence are values of their own.
 * Spec: https://onnx.ai/onnx/operators/onnx__SplitToSequence.html
 * @module
 */
import { axisOf, int, intOf } from './graph.js'
import { type Rewrite, refuse, standard } from './rewrite.js'

/** The name of a part of a sequence. */
const partOf = (sequence: string, at: number): string => `${sequence}[${at}]`

export const splitToSequence: Rewrite = (node, around) => {
  const [x, sizes] = node.inputs as [string, string | undefined]
  const output = node.outputs[0] as string
  const { shape } = around.typeOf(x)
  const axis = axisOf(intOf(node, 'axis', 0), shape.length)
  const side = shape[axis] as number
  const given = sizes ? around.constantOf(sizes) : undefined
  if (sizes && given === undefined) refuse(node, 'sizes that depend on the data are not supported')
  if (!sizes && intOf(node, 'keepdims', 1) === 0) refuse(node, 'keepdims 0 is not supported')
  const step = given === undefined ? 1 : (given.data[0] as number)
  const parts =
    given === undefined || given.shape.length === 0
      ? Array.from({ length: Math.ceil(side / step) }, (_, at) => Math.min(step, side - at * step))
      : Array.from(given.data)
  const outputs = parts.map((_, at) => partOf(output, at))
  return [standard('Split', [x, around.constant(parts)], outputs, { axis: int(axis) })]
}

export const sequenceConstruct: Rewrite = (node) =>
  node.inputs.map((input, at) => standard('Identity', [input], [partOf(node.outputs[0] as string, at)]))

export const sequenceAt: Rewrite = (node, around) => {
  const [sequence, position] = node.inputs as [string, string]
  const at = around.constantOf(position)?.data[0]
  if (at === undefined || at < 0)
    refuse(node, 'a position that depends on the data, or counts from the end, is not supported')
  return [standard('Identity', [partOf(sequence, at)], [node.outputs[0] as string])]
}
