import type { TensorMap } from '../adapter/tensor.js'
import type { TensorSource } from '../fold/tensor-source.js'
import type { Share } from './cohort.js'
import { weightedMeans } from './weighted-sum.js'

/**
 * The mean of updates that all count alike, in float64 and ascending order of their ids, rounded once. They have the same tensors.
 * RangeError when a mean is not finite, or there is none.
 */
export async function meanChange(
  updates: readonly { readonly id: string; readonly tensors: TensorSource }[],
): Promise<TensorMap> {
  const [first] = updates
  if (first === undefined) throw new RangeError('a mean expected at least one update, got none')
  const { shapes } = first.tensors
  const config = { method: 'prompt' } as Share['member']['config'] // of no consequence for what is only added up
  const shares = updates
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ id, tensors }): Share => {
      const member = { id, tensors, shapes, config, weight: 1, start: null, pairs: new Map() }
      return { member, share: 1 / updates.length }
    })
  return await weightedMeans(shares, [...shapes.keys()])
}
