import type { TensorMap } from '../adapter/tensor.js'
import type { Batch } from './batch.js'

export interface ClippingOptions {
  /** The greatest joint L2 norm of an example's gradient. */
  readonly clip: number
  /** Parameters that keep their values; they have no gradient, and count in no norm. */
  readonly frozen?: readonly string[]
  /** Frozen factors beside the trained ones, by the same names. */
  readonly side?: TensorMap | undefined
}

export interface ClippedSums {
  /** By the names of what is trained. */
  readonly sums: ReadonlyMap<string, Float32Array>
  /** Of each row before it was clipped; 0 for a row without labels. */
  readonly norms: Float32Array // (N)
}

export interface ClippingModel {
  clippedSums(tensors: TensorMap, batch: Batch, options: ClippingOptions): Promise<ClippedSums>
}
