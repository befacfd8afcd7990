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
  /** The same for several ranges, for sources that read those together that lie together. */
  readAll?(ranges: readonly TensorRange[]): Promise<void>
  /** Where its values lie, of a source that stores float32 values in a file and whose reads may keep the thread. */
  readonly stored?: StoredFloats
}

/** Float32 values in a file. */
export interface StoredFloats {
  readonly path: string
  /** Where the first value of a tensor lies, in bytes. RangeError when there is none of that name. */
  positionOf(name: string): number
}

/** Values of a tensor from `start` on, and where they go. */
export interface TensorRange {
  readonly name: string
  readonly start: number
  readonly into: Float32Array
}

/** Reads several ranges of a source. */
export async function readRanges(source: TensorSource, ranges: readonly TensorRange[]): Promise<void> {
  if (source.readAll !== undefined) await source.readAll(ranges)
  else for (const { name, start, into } of ranges) await source.read(name, start, into)
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
