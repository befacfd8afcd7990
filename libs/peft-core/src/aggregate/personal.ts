import type { Adapter } from '../adapter/adapter.js'
import type { TensorMap } from '../adapter/tensor.js'
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

/**
 * An adapter with an agent's own tensors in the place of those of the same names. RangeError for a tensor that the adapter has not, or
 * that has another shape there.
 */
export function withOwn(adapter: Adapter, own: TensorMap): Adapter {
  for (const [name, { shape }] of own) {
    const received = adapter.tensors.get(name)?.shape
    if (String(received) !== String(shape))
      throw new RangeError(
        `tensor "${name}" expected the shape (${shape}), got ${received ? `(${received})` : 'none'}`,
      )
  }
  return {
    config: adapter.config,
    tensors: new Map([...adapter.tensors].map(([name, tensor]) => [name, own.get(name) ?? tensor])),
  }
}

/** Whether the name of a tensor has a part, which is whole words between dots: `lora_B`, `layers.3` or `q_proj.lora_A`. */
export function hasPart(name: string, part: string): boolean {
  return `.${name}.`.includes(`.${part}.`)
}
