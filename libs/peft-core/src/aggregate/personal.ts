import type { Adapter } from '../adapter/adapter.js'
import type { TensorRole } from './strategy.js'

/**
 * The adapter of one agent after a round: what is shared comes from the candidate, what is frozen or local stays its own.
 * RangeError when the candidate has a shared tensor of another shape.
 */
export function personalAdapter(
  own: Adapter,
  candidate: Adapter,
  roles: ReadonlyMap<string, TensorRole>,
): Adapter {
  const tensors = [...own.tensors].map(([name, tensor]) => {
    const other = candidate.tensors.get(name)
    if (roles.get(name) !== 'shared' || other === undefined) return [name, tensor] as const
    if (String(other.shape) !== String(tensor.shape))
      throw new RangeError(`tensor "${name}" expected the shape (${tensor.shape}), got (${other.shape})`)
    return [name, other] as const
  })
  return { config: own.config, tensors: new Map(tensors) }
}
