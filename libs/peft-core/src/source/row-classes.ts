/**
 * Decoders that give one class for a whole row, from the state of its last token, which has seen the others.
 * Reference: `GenericForSequenceClassification` in
 * https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_layers.py
 *
 * Sizes used below: B = batch, T = sequence, N = B T, D = width, C = classes.
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Architecture, ModelInputs } from './architecture.js'
import { expectClasses } from './encoder.js'
import { type Fields, listOf, numberOf } from './fields.js'
import { type Layers, linear } from './layers.js'

/** The layer that gives a decoder's classes. */
export const SCORE = 'score'

export interface RowClassifier {
  /** The token that is padding wherever it stands; null: only the attention mask says what is padding. */
  readonly padId: number | null
}

/** The classifier that `architectures` names; undefined for a language model. RangeError for another head. */
export function rowClassifierOf(fields: Fields): RowClassifier | undefined {
  const names = listOf(fields, 'architectures').map(String)
  const other = names.find((name) => /ForTokenClassification$|ForQuestionAnswering$/.test(name))
  if (other !== undefined) {
    throw new RangeError(
      `architectures ${JSON.stringify(other)} is not supported; expected a causal language model or a classifier of rows`,
    )
  }
  if (!names.some((name) => name.endsWith('ForSequenceClassification'))) return undefined
  expectClasses(fields)
  return { padId: fields.pad_token_id == null ? null : numberOf(fields, 'pad_token_id') }
}

/** What a decoder's logits say, and what makes them. */
export function decoderHead(
  classifier: RowClassifier | undefined,
): Pick<Architecture, 'task' | 'outputLayer' | 'headLayers'> {
  const headLayers = [{ path: SCORE, givesClasses: true, hasBias: false }]
  return classifier === undefined
    ? { task: 'causal', outputLayer: 'lm_head', headLayers }
    : { task: 'sequence', outputLayer: SCORE, headLayers }
}

/** The classes of each row: states (N, D) -> (B, C) */
export function rowClasses(
  layers: Layers,
  classifier: RowClassifier,
  { hidden, inputs }: { readonly hidden: Value; readonly inputs: ModelInputs },
): Value {
  const places = lastTokens(layers, classifier, inputs)
  const last = layers.builder.op('Gather', [hidden, places], { attributes: { axis: int(0) } }) // (B, D)
  return linear(layers, SCORE, last, false)
}

/** Where the last token of each row stands in N, (B); the first one of a row that is all padding. */
function lastTokens(
  { builder, batch: { rows, columns } }: Layers,
  { padId }: RowClassifier,
  { inputIds, attentionMask }: ModelInputs,
): Value {
  const masked = attentionMask && builder.op('Cast', [attentionMask], { attributes: { to: int(9) } })
  const pads = padId === null ? undefined : builder.op('Equal', [inputIds, builder.constant(padId, 'int64')])
  const known = pads && builder.op('Not', [pads])
  const kept = known && masked ? builder.op('And', [known, masked]) : (known ?? masked) // (B, T)
  const columnsOf = builder.constant([...new Array(columns).keys()], 'int64', [1, columns])
  const firsts = builder.constant(
    Array.from({ length: rows }, (_, row) => row * columns),
    'int64',
  )
  if (kept === undefined) return builder.op('Add', [firsts, builder.constant(columns - 1, 'int64')])
  const seen = builder.op('Where', [kept, columnsOf, builder.constant(0, 'int64')])
  const attributes = { keepdims: int(0) }
  return builder.op('Add', [
    firsts,
    builder.op('ReduceMax', [seen, builder.constant([1], 'int64')], { attributes }),
  ])
}
