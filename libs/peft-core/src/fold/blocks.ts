import type { Fold, Rounded } from './fold.js'

/** Values of one tensor in a block. */
export interface Part<T> {
  readonly of: T
  readonly start: number // in the tensor
  readonly at: number // in the block
  readonly count: number
}

/** Parts of tensors, one after the other, that are read and added together. */
export interface Block<T> {
  readonly parts: readonly Part<T>[]
  readonly count: number
}

/** Tensors in blocks of up to so many values; those that `isAlike` share one. */
export function* blocksOf<T extends { readonly length: number }>(
  tensors: readonly T[],
  blockValues: number,
  isAlike: (one: T, other: T) => boolean = () => true,
): Generator<Block<T>> {
  let parts: Part<T>[] = []
  let count = 0
  const taken = (): Block<T> => {
    const block = { parts, count }
    parts = []
    count = 0
    return block
  }
  for (const tensor of tensors) {
    const { length } = tensor
    for (let start = 0; start < length; ) {
      const isOther = parts[0] !== undefined && !isAlike(parts[0].of, tensor)
      if (count === blockValues || isOther) yield taken()
      const own = Math.min(blockValues - count, length - start)
      parts.push({ of: tensor, start, at: count, count: own })
      count += own
      start += own
    }
  }
  if (count > 0) yield taken()
}

/** What changes are added to, and what it counts. */
export interface Start {
  readonly data: Float32Array
  readonly share: number
}

/** Adds the starts to the sums of a block, and rounds. */
export function finished(
  fold: Fold,
  { parts, count: all }: Block<{ readonly starts: readonly Start[] }>,
): Rounded {
  for (const { of, start, at, count } of parts) {
    const sum = fold.sum.subarray(at, at + count)
    for (const { data, share } of of.starts) addScaled32(sum, data.subarray(start, start + count), share)
  }
  return fold.rounded(all)
}

function addScaled32(sum: Float64Array, values: Float32Array, factor: number): void {
  for (let at = 0; at < sum.length; at++) sum[at] = (sum[at] as number) + factor * (values[at] as number)
}
