import { tensorBytes } from '../adapter/tensor.js'
import { sizeOf } from '../graph/graph.js'
import { peakActivationBytes } from '../graph/liveness.js'
import { productFlops } from '../runtime/products.js'
import type { TrainingGraph } from '../runtime/training-graph.js'

/** What a training step of one batch size needs. */
export interface TrainingEstimate {
  readonly rows: number
  readonly columns: number
  /** Numbers that are trained. */
  readonly trainable: number
  /** The frozen weights as they are stored; they are mapped from the file, not copied. */
  readonly weightBytes: number
  /** The most that computed values take at one time. */
  readonly activationBytes: number
  /** The trained numbers, their gradients and the two moments of AdamW, in float32. */
  readonly optimizerBytes: number
  /** Floating-point operations of the matrix products of a step. */
  readonly flops: number
}

/** The needs of a training graph, from its shapes alone. */
export function estimateOf(
  { graph, parameters }: TrainingGraph,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): TrainingEstimate {
  const trainable = parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  return {
    rows,
    columns,
    trainable,
    weightBytes: [...graph.weights.values()].reduce((sum, weight) => sum + tensorBytes(weight), 0),
    activationBytes: peakActivationBytes(graph),
    optimizerBytes: 4 * 4 * trainable,
    flops: productFlops(graph),
  }
}
