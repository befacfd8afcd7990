/**
 * What a model family makes of a config.json: all that the rest of the library asks about it, and its forward pass.
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { Fields } from './fields.js'
import type { Layers } from './layers.js'
import type { Task } from './task.js'
import type { ModelTensors } from './weights.js'

/** The inputs of a forward pass. */
export interface ModelInputs {
  readonly inputIds: Value // (B, T)
  readonly attentionMask?: Value | undefined // (B, T) of 0 and 1; absent, every token is one to attend to
  readonly tokenTypeIds?: Value | undefined // (B, T); zeros when absent
}

export interface Architecture {
  /** The `model_type` of config.json. */
  readonly family: string
  /** What the family's classes with a head put before the names of the bare model's tensors. */
  readonly prefix: string
  readonly task: Task
  /** The module that makes the logits, which `all-linear` leaves out. */
  readonly outputLayer: string
  /** Whether a batch may say which segment each token belongs to. */
  readonly hasTokenTypes: boolean
  /** The longest sequence, where the model says it. */
  positions(tensors: ModelTensors): number | undefined
  /** Appends the model -> logits: (N, V) of a language model, (B, C) of a classifier of rows. */
  forward(layers: Layers, inputs: ModelInputs): Value
}

/** Reads a config.json of the family. RangeError names the field that is missing, or that asks for what is not built. */
export type Family = (fields: Fields) => Omit<Architecture, 'family'>
