/**
 * A model straight from a Hugging Face folder: config.json says which family, the safetensors file holds the weights.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import type { Graph, Value } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import type { BatchSize } from '../train/batch.js'
import type { Architecture } from './architecture.js'
import { createCache } from './cache.js'
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
   * The room of a cache of earlier positions, for generation in one row: the graph also takes the cache and gives the new
   * keys and values (see `createCache`). Absent: a graph for whole sequences.
   */
  readonly cache?: number | undefined
}

/**
 * The forward pass of a model for one batch shape: `input_ids` (B, T) and what the options name -> `logits`, (B, T, V)
 * of a language model, (B, C) of a classifier.
 */
export function forwardGraph(
  architecture: Pick<Architecture, 'task' | 'hasTokenTypes' | 'forward'>,
  tensors: ModelTensors,
  options: ForwardOptions,
): Graph {
  const builder = createBuilder()
  const shape = [options.rows, options.columns]
  const inputIds = builder.input('input_ids', 'int64', shape)
  const optional = (name: string, present: boolean): Value | undefined =>
    present ? builder.input(name, 'int64', shape) : undefined
  const attentionMask = optional('attention_mask', options.attentionMask)
  const tokenTypeIds = optional('token_type_ids', options.tokenTypeIds && architecture.hasTokenTypes)
  const weights = weightSource(builder, tensors, options.trainable)
  const cache = options.cache === undefined ? undefined : createCache(builder, options.cache)
  const layers: Layers = { builder, weights, batch: options, cache }
  const logits = architecture.forward(layers, { inputIds, attentionMask, tokenTypeIds })
  const perToken = !labelsRows(architecture.task)
  const size = [options.rows, options.columns, logits.shape[1] as number]
  const output = perToken ? builder.op('Reshape', [logits, builder.constant(size, 'int64')]) : logits
  builder.output(output)
  return renameValue(builder.build(), output.name, 'logits')
}
