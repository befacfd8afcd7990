/**
 * Rewrites `com.microsoft.EmbedLayerNormalization`: the sum of word, position and segment embeddings, normalised.
 * Spec: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.EmbedLayerNormalization
 * @module
 */
import { float, floatOf, int } from './graph.js'
import type { Rewrite, Surroundings } from './rewrite.js'
import { createSteps, type Steps } from './steps.js'

/** Outputs: the normalised sum (B, T, D), the number of tokens that the mask has in each row (B), the sum. */
export const embedLayerNormalization: Rewrite = (node, around) => {
  const [ids, segments, words, positions, types, scale, shift, mask, positionIds] =
    node.inputs as readonly string[]
  const output = node.outputs[0] as string
  const steps = createSteps(output, around)
  const [, length] = around.typeOf(ids as string).shape as [number, number]
  const rows = (table: string, indices: string): string =>
    steps.op('Gather', [table, indices], { axis: int(0) })
  const places = positionIds || around.constant([...Array(length).keys()], 'int64', [1, length])
  const placed = steps.op('Add', [rows(words as string, ids as string), rows(positions as string, places)])
  const sum = segments && types ? steps.op('Add', [placed, rows(types, segments)]) : placed
  const attributes = { axis: int(-1), epsilon: float(floatOf(node, 'epsilon', 1e-12)) }
  steps.op('LayerNormalization', [sum, scale as string, shift as string], attributes, output)
  if (node.outputs[1]) countTokens(steps, around, { mask, ids: ids as string, output: node.outputs[1] })
  if (node.outputs[2]) steps.op('Identity', [sum], {}, node.outputs[2])
  return steps.nodes
}

/** The tokens of each row that the mask counts; without a mask, none. */
function countTokens(
  steps: Steps,
  { constant, typeOf }: Surroundings,
  { mask, ids, output }: { readonly mask: string | undefined; readonly ids: string; readonly output: string },
): void {
  const [batch] = typeOf(ids).shape as [number]
  if (!mask) {
    steps.op('Identity', [constant(Array(batch).fill(0), 'int32')], {}, output)
    return
  }
  const flags = steps.op('Cast', [steps.op('Equal', [mask, constant(1, typeOf(mask).element)])], {
    to: int(6),
  })
  steps.op('ReduceSum', [flags, constant([1])], { keepdims: int(0) }, output)
}
