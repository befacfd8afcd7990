import { createHash } from 'node:crypto'
import { encodeSafetensors, rawTensor, type TensorMap } from '@lorica/peft-core'
import { clip } from '@lorica/privacy'

/** What an update says about one of its tensors; the numbers themselves are in its bytes. */
export interface TensorSummary {
  readonly name: string
  readonly shape: readonly number[]
  readonly sizeBytes: number
}

/** A change of an adapter, ready to leave: clipped, encoded, and named by its content. */
export interface Delta {
  readonly bytes: Uint8Array // safetensors, float32, the adapter's names
  readonly sha256: string
  readonly tensors: readonly TensorSummary[]
  readonly norm: number // L2, before clipping
  readonly clipFactor: number // 1: nothing was clipped
}

/**
 * The difference trained - received of each tensor, scaled down to `maxNorm` (L2 over all tensors; null: not at all).
 * Throws RangeError when names or shapes differ, or when a difference is not finite.
 */
export function deltaOf(trained: TensorMap, received: TensorMap, maxNorm: number | null): Delta {
  const { tensors, norm, factor } = clip(subtract(trained, received), maxNorm)
  const parts = [...tensors].map(([name, tensor]) => [name, rawTensor(tensor)] as const)
  const bytes = encodeSafetensors(new Map(parts), { format: 'pt', lorica: 'delta' })
  return {
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    tensors: parts.map(([name, tensor]) => ({
      name,
      shape: tensor.shape,
      sizeBytes: tensor.bytes.byteLength,
    })),
    norm,
    clipFactor: factor,
  }
}

/** Element-wise trained - received. Throws RangeError when a name or a shape of one is not that of the other. */
export function subtract(trained: TensorMap, received: TensorMap): TensorMap {
  const extra = [...trained.keys()].find((name) => !received.has(name))
  if (extra !== undefined)
    throw new RangeError(`trained has tensor "${extra}", which the received adapter has not`)
  const differences = [...received].map(([name, before]) => {
    const after = trained.get(name)
    if (after === undefined || after.shape.join() !== before.shape.join()) {
      const got = after === undefined ? 'none' : `(${after.shape.join(', ')})`
      throw new RangeError(`tensor "${name}" expected shape (${before.shape.join(', ')}), got ${got}`)
    }
    const data = after.data.map((value, index) => value - (before.data[index] as number))
    return [name, { shape: before.shape, data }] as const
  })
  return new Map(differences)
}
