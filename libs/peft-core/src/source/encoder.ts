/**
 * What encoders of text have in common: blocks with layer normalisation after each part, and heads on top.
 *
 * Sizes used below: B = batch, T = sequence, N = B T, D = width, C = classes, V = words.
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import { countOf, type Fields, layersOf, listOf, refuse } from './fields.js'
import { activation, attention, type Layers, layerNorm, linear, mergeHeads, splitHeads } from './layers.js'
import type { Task } from './task.js'

/** The heads of a class of models: what follows `Bert` in `BertForMaskedLM`. */
const heads: Readonly<Record<string, Task>> = {
  ForMaskedLM: 'masked',
  ForSequenceClassification: 'sequence',
  ForTokenClassification: 'token',
  ForImageClassification: 'image',
}

/**
 * The task that `architectures` names, such as `BertForMaskedLM`. RangeError when it names none of `tasks`, or a
 * classifier whose loss is not the cross-entropy of one class of several.
 */
export function taskOfHead<T extends Task>(fields: Fields, tasks: readonly T[]): T {
  const names = listOf(fields, 'architectures').map(String)
  const known = Object.entries(heads).filter(([, task]) => (tasks as readonly Task[]).includes(task))
  const task = known.find(([head]) => names.some((name) => name.endsWith(head)))?.[1] as T | undefined
  if (task === undefined) {
    const expected = known.map(([head]) => `…${head}`).join(', ')
    throw new RangeError(
      `architectures expected one of ${expected}, got ${JSON.stringify(fields.architectures)}`,
    )
  }
  if (task !== 'masked') expectClasses(fields)
  return task
}

/** The loss is the cross-entropy of one class of several; transformers takes another for other problems. */
export function expectClasses(fields: Fields): void {
  refuse(fields, 'problem_type', 'regression')
  refuse(fields, 'problem_type', 'multi_label_classification')
  const labels = (fields.id2label ?? null) as Fields | null
  if (fields.num_labels === 1 || (labels !== null && Object.keys(labels).length === 1))
    throw new RangeError('num_labels 1 is a regression, which is not supported; expected 2 classes or more')
}

export interface EncoderConfig {
  readonly layers: number
  readonly heads: number
  readonly layerNormEpsilon: number
  readonly activation: string
}

/** `num_hidden_layers` and `num_attention_heads`. */
export const layersAndHeads = (fields: Fields): Pick<EncoderConfig, 'layers' | 'heads'> => ({
  layers: layersOf(fields, 'num_hidden_layers'),
  heads: countOf(fields, 'num_attention_heads'),
})

/** The modules of a block, inside its path. */
export interface BlockNames {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly output: string
  readonly attentionNorm: string
  readonly wide: string
  readonly narrow: string
  readonly outputNorm: string
}

export const bertBlock: BlockNames = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  wide: 'intermediate.dense',
  narrow: 'output.dense',
  outputNorm: 'output.LayerNorm',
}

export interface Encoder {
  readonly config: EncoderConfig
  /** The path of the list of blocks: bert.encoder.layer. */
  readonly blocks: string
  readonly names: BlockNames
  readonly mask: Value | undefined
}

/** The blocks one after another: (N, D) -> (N, D) */
export function encode(layers: Layers, encoder: Encoder, start: Value): Value {
  return Array.from({ length: encoder.config.layers }, (_, index) => `${encoder.blocks}.${index}`).reduce(
    (hidden, path) => block(layers, encoder, path, hidden),
    start,
  )
}

function block(layers: Layers, { config, names, mask }: Encoder, path: string, hidden: Value): Value {
  const { builder } = layers
  const norm = (name: string, x: Value): Value =>
    layerNorm(layers, `${path}.${name}`, x, config.layerNormEpsilon)
  const attended = encoderAttention(layers, config, { path, names, hidden, mask })
  const middle = norm(names.attentionNorm, builder.op('Add', [attended, hidden]))
  const wide = activation(layers, config.activation, linear(layers, `${path}.${names.wide}`, middle))
  const narrow = linear(layers, `${path}.${names.narrow}`, wide)
  return norm(names.outputNorm, builder.op('Add', [narrow, middle]))
}

export interface EncoderAttention {
  readonly path: string
  readonly names: Pick<BlockNames, 'query' | 'key' | 'value' | 'output'>
  readonly hidden: Value
  readonly mask: Value | undefined
}

/** Every token attends to every token that `mask` allows: (N, D) -> (N, D) */
export function encoderAttention(
  layers: Layers,
  config: Pick<EncoderConfig, 'heads'>,
  { path, names, hidden, mask }: EncoderAttention,
): Value {
  const split = (name: string): Value =>
    splitHeads(layers, linear(layers, `${path}.${name}`, hidden), config.heads)
  const [query, key, value] = [split(names.query), split(names.key), split(names.value)]
  const scale = 1 / Math.sqrt(query.shape[3] as number)
  const attended = mergeHeads(layers, attention(layers, { query, key, value, mask, scale }))
  return linear(layers, `${path}.${names.output}`, attended)
}

/** The state of each row's first token: (N, D) -> (B, D) */
export function firstTokens({ builder, batch }: Layers, hidden: Value): Value {
  const firsts = Array.from({ length: batch.rows }, (_, row) => row * batch.columns)
  return builder.op('Gather', [hidden, builder.constant(firsts, 'int64')], { attributes: { axis: int(0) } })
}

export interface MaskedWords {
  /** The modules of the transformation, and of the product with the words. */
  readonly dense: string
  readonly norm: string
  readonly decoder: string
  /** The words' vectors, for a checkpoint whose decoder shares them. */
  readonly embedding: string
  /** Tensors for the decoder's bias; the first that there is. */
  readonly biases: readonly string[]
  readonly activation: string
  readonly layerNormEpsilon: number
}

/** The logits of each position's word: (N, D) -> (N, V) */
export function maskedWords(layers: Layers, head: MaskedWords, hidden: Value): Value {
  const { builder, weights } = layers
  const dense = activation(layers, head.activation, linear(layers, head.dense, hidden))
  const normed = layerNorm(layers, head.norm, dense, head.layerNormEpsilon)
  const words = weights.find(`${head.decoder}.weight`) ?? weights.get(`${head.embedding}.weight`)
  const [first, ...others] = head.biases
  const bias =
    others.reduce<Value | undefined>(
      (found, name) => found ?? weights.find(name),
      weights.find(first ?? ''),
    ) ?? weights.get(first ?? '')
  return builder.op('Gemm', [normed, words, bias], {
    attributes: { transB: int(1) },
    module: head.decoder,
    name: head.decoder,
  })
}
