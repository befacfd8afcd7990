/**
 * The output of an exported model that a loss is computed from.
 * @module
 */
import type { Graph } from '../graph/graph.js'
import { OnnxError } from '../graph/onnx-error.js'
import type { OnnxModel, OnnxValue } from '../graph/onnx-model.js'

/** Outputs that are no logits: hidden states, caches, attention weights. */
const HIDDEN = /hidden|pooler|present|past|attention|embedding|cache|^last_/

/**
 * The output named logits (or scores), or the only one that may be; of several without such a name, the one that has
 * as many classes as the model knows words. OnnxError `no-logits` when there is none.
 */
export function logitsOf(model: OnnxModel): OnnxValue {
  const { outputs } = model
  const named =
    outputs.find(({ name }) => name === 'logits') ?? outputs.find(({ name }) => /logits|scores/.test(name))
  const visible = outputs.filter(({ name }) => !HIDDEN.test(name))
  const words = wordsOf(model)
  const classes = visible.filter(({ sides }) => words !== undefined && sides?.at(-1) === words)
  const output =
    named ??
    (visible.length === 1 ? visible[0] : undefined) ??
    (classes.length === 1 ? classes[0] : undefined)
  if (output !== undefined) return output
  const shown = outputs.slice(0, 3).map(titleOf)
  const more = outputs.length > shown.length ? ` and ${outputs.length - shown.length} more` : ''
  throw new OnnxError(
    'no-logits',
    `expected an output "logits" to compute a loss from, got ${shown.join(', ')}${more}; export the model with its head`,
  )
}

/**
 * OnnxError `no-logits` when the logits of a graph are those of some tokens only: a loss needs all of them.
 * onnxruntime-genai leaves the others out with `prune_lm_head`.
 */
export function expectAllTokens({ inputs }: Pick<Graph, 'inputs'>, logits: readonly number[]): void {
  const tokens = inputs.find(({ name }) => name === 'input_ids')?.shape[1]
  if (tokens === undefined || logits.length !== 3 || logits[1] === tokens) return
  throw new OnnxError(
    'no-logits',
    `the model gives the logits of ${logits[1]} of ${tokens} tokens, a loss needs those of all; export it without prune_lm_head`,
  )
}

const titleOf = ({ name, sides }: OnnxValue): string =>
  `"${name}" (${sides?.map((side) => side ?? '?').join(', ') ?? '?'})`

/** How many words the table has that the tokens are looked up in. */
function wordsOf({ nodes, initializers }: OnnxModel): number | undefined {
  const lookup = nodes.find(({ op, inputs }) => op === 'Gather' && /input_ids|^input$/.test(inputs[1] ?? ''))
  return initializers.get(lookup?.inputs[0] ?? '')?.shape[0]
}
