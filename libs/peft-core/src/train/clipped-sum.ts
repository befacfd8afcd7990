import type { TensorMap } from '../adapter/tensor.js'
import type { Batch } from './batch.js'
import type { ClippingModel, ClippingOptions } from './clipping.js'

/** One step, before its noise. */
export interface ClippedStep extends ClippingOptions {
  readonly tensors: TensorMap
  /** The micro-batches of the examples that take part; none of a step in which none do. */
  readonly batches: Iterable<Batch>
  /** Of the run, counted from 1: what an error names. */
  readonly step: number
}

/**
 * The sum over the examples of a step of their gradients, each scaled by min(1, clip / norm), of what is not frozen: one example more or
 * less changes it by at most `clip` (L2, over all tensors). It is exact about private data, and leaves nothing without noise.
 * RangeError, naming the step and the tensor, when a sum is not finite.
 */
export async function sumClipped(
  model: ClippingModel,
  { tensors, batches, step, clip, frozen = [], side }: ClippedStep,
): Promise<ReadonlyMap<string, Float64Array>> {
  const trained = [...tensors].filter(([name]) => !frozen.includes(name))
  const sums = new Map(trained.map(([name, { data }]) => [name, new Float64Array(data.length)]))
  for (const batch of batches) {
    const clipped = await model.clippedSums(tensors, batch, { clip, frozen, side })
    for (const [name, sum] of sums) addTo(sum, clipped.sums.get(name), name)
  }
  for (const [name, sum] of sums)
    if (sum.some((value) => !Number.isFinite(value)))
      throw new RangeError(
        `training diverged at step ${step}: the gradients of "${name}" are not finite; lower the learning rate, or check the data and the adapter`,
      )
  return sums
}

function addTo(sum: Float64Array, part: Float32Array | undefined, name: string): void {
  if (part?.length !== sum.length)
    throw new RangeError(
      `parameter "${name}" expected ${sum.length} gradients, got ${part?.length ?? 'none'}`,
    )
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + (part[at] as number)
}
