/**
 * What a model family makes of a config.json: all that the rest of the library asks about it, and its forward pass.
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { ImageSize } from '../train/batch.js'
import type { Fields } from './fields.js'
import type { Layers } from './layers.js'
import type { HeadLayer } from './new-head.js'
import type { Task } from './task.js'
import type { ModelTensors } from './weights.js'

/** The inputs of a forward pass over tokens. */
export interface ModelInputs {
  readonly inputIds: Value // (B, T)
  readonly attentionMask?: Value | undefined // (B, T) of 0 and 1; absent, every token is one to attend to
  readonly tokenTypeIds?: Value | undefined // (B, T); zeros when absent
}

export type Architecture = TextArchitecture | ImageArchitecture

interface Common {
  /** The `model_type` of config.json. */
  readonly family: string
  /** What the family's classes with a head put before the names of the bare model's tensors. */
  readonly prefix: string
  readonly task: Task
  /** The module that makes the logits, which `all-linear` leaves out. */
  readonly outputLayer: string
  /** The layers of the classifier of `task`, for a family that can be given a new one. */
  readonly headLayers?: readonly HeadLayer[]
  /** The longest sequence, where the model says it. */
  positions(tensors: ModelTensors): number | undefined
}

export interface TextArchitecture extends Common {
  readonly image?: undefined
  /** Whether a batch may say which segment each token belongs to. */
  readonly hasTokenTypes: boolean
  /** Appends the model -> logits: (N, V) of a language model, (N, C) of a classifier of tokens, (B, C) of one of rows. */
  forward(layers: Layers, inputs: ModelInputs): Value
}

export interface ImageArchitecture extends Common {
  /** The size of the images that it takes. */
  readonly image: ImageSize
  /** Appends the model for pixels (B, C, H, W) -> logits (B, classes). */
  forward(layers: Layers, pixels: Value): Value
}

/** Reads a config.json of the family. RangeError names the field that is missing, or that asks for what is not built. */
export type Family<T extends Architecture = TextArchitecture> = (fields: Fields) => Omit<T, 'family'>
