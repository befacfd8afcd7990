/**
 * A model straight from a Hugging Face folder: config.json says which family, the safetensors file holds the weights.
 * @module
 */
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import type { BatchSize, ImageSize } from '../train/batch.js'
import type { ImageArchitecture, ModelInputs, TextArchitecture } from './architecture.js'
import { createCache, NEXT_POSITION } from './cache.js'
import type { Layers } from './layers.js'
import { labelsRows } from './task.js'
import { type ModelTensors, weightSource } from './weights.js'

export interface ForwardOptions extends BatchSize {
  /** Whether the batch says which tokens are padding. Without it every token is one to attend to. */
  readonly attentionMask: boolean
  /** Whether the batch says which segment each token belongs to (BERT). */
  readonly tokenTypeIds: boolean
  /** Whether weights are graph inputs to be trained instead of frozen. */
  readonly trainable: boolean
  /**
   * The room of a cache of earlier positions, for generation: the graph also takes the cache and gives the new keys and
   * values (see `createCache`), and only the logits of the token that `next_position` says of each row. Absent: a graph for
   * whole sequences.
   */
  readonly cache?: number | undefined
}

/**
 * The forward pass of a model for one batch shape: `input_ids` (B, T) and what the options name, or `pixel_values`
 * (B, C, H, W), -> `logits`: (B, T, V) of a language model, (B, T, C) of a classifier of tokens, (B, C) of one of rows.
 * RangeError when the images are not of the size that the model takes.
 */
export function forwardGraph(
  architecture: ForwardArchitecture,
  tensors: ModelTensors,
  options: ForwardOptions,
): Graph {
  const builder = createBuilder()
  const weights = weightSource(builder, tensors, options.trainable)
  const { rows, columns, isPacked = false } = options
  const generates = options.cache !== undefined && architecture.task === 'causal'
  const cache = options.cache === undefined ? undefined : createCache(builder, rows, options.cache)
  const wanted = generates ? builder.input(NEXT_POSITION, 'int64', [rows]) : undefined
  const positionIds = isPacked ? builder.input('position_ids', 'int64', [rows, columns]) : undefined
  const layers: Layers = { builder, weights, batch: options, cache, wanted, positionIds }
  const logits =
    architecture.image === undefined
      ? architecture.forward(layers, tokenInputs(builder, architecture, options))
      : architecture.forward(layers, pixelInput(builder, architecture.image, options))
  const size = [rows, generates ? 1 : columns, logits.shape[1] as number]
  const output = labelsRows(architecture.task)
    ? logits
    : builder.op('Reshape', [logits, builder.constant(size, 'int64')])
  builder.output(output)
  return renameValue(builder.build(), output.name, 'logits')
}

/** What a forward pass needs to know of an architecture. */
export type ForwardArchitecture =
  | Pick<TextArchitecture, 'task' | 'image' | 'hasTokenTypes' | 'forward'>
  | Pick<ImageArchitecture, 'task' | 'image' | 'forward'>

function tokenInputs(
  builder: GraphBuilder,
  { hasTokenTypes }: Pick<TextArchitecture, 'hasTokenTypes'>,
  { rows, columns, attentionMask, tokenTypeIds }: ForwardOptions,
): ModelInputs {
  const input = (name: string): Value => builder.input(name, 'int64', [rows, columns])
  return {
    inputIds: input('input_ids'),
    attentionMask: attentionMask ? input('attention_mask') : undefined,
    tokenTypeIds: tokenTypeIds && hasTokenTypes ? input('token_type_ids') : undefined,
  }
}

function pixelInput(builder: GraphBuilder, taken: ImageSize, { rows, image }: ForwardOptions): Value {
  const { channels, height, width } = taken
  if (image !== undefined && sizeText(image) !== sizeText(taken))
    throw new RangeError(`the model takes images of ${sizeText(taken)}, got ${sizeText(image)}`)
  return builder.input('pixel_values', 'float32', [rows, channels, height, width])
}

const sizeText = ({ channels, height, width }: ImageSize): string => `${channels} x ${height} x ${width}`
