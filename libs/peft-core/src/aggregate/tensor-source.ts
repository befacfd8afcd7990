/**
 * The tensors of an adapter or of an update, read by range, so that memory does not grow with their size or number.
 * @module
 */
import type { TensorMap } from '../adapter/tensor.js'

export interface TensorSource {
  /** The shape of each tensor, by its name. Sources with the same tensors may share the map. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** Fills `into` with the values of a tensor from `start` on, row-major. RangeError when it has not that many. */
  read(name: string, start: number, into: Float32Array): Promise<void>
}

/** Tensors that lie in memory. */
export function tensorSource(tensors: TensorMap): TensorSource {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  return {
    shapes,
    async read(name, start, into) {
      const data = tensors.get(name)?.data ?? new Float32Array(0)
      expectRange(name, data.length, start, into.length)
      into.set(data.subarray(start, start + into.length))
    },
  }
}

/** RangeError unless `count` values from `start` on lie in a tensor of `length` values. */
export function expectRange(name: string, length: number, start: number, count: number): void {
  if (start >= 0 && start + count <= length) return
  throw new RangeError(
    `tensor "${name}" expected values up to ${start + count}, got ${length}; is it in the source?`,
  )
}
