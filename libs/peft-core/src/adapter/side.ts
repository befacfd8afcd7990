/**
 * Frozen factors beside the trained ones of the same modules, of the same scaling: y = W x + s B A x + s B' A' x.
 * @module
 */
import type { TensorMap } from './tensor.js'

/** The rank of the frozen factors of each module that has some, by its path. */
export type SideRanks = Readonly<Record<string, number>>

export interface Side {
  readonly ranks: SideRanks
  /** By the names of the trained factors. */
  readonly tensors: TensorMap
}
