/**
 * Sums of stored tensors by this thread and others beside it.
 * @module
 */
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import type { Block } from './blocks.js'
import { hired, released } from './fold-staff.js'
import {
  awaited,
  claim,
  createSharedBlocks,
  found,
  halt,
  put,
  type SharedBlocks,
  taken,
} from './shared-blocks.js'
import {
  openStoredFold,
  type StoredFold,
  type StoredSum,
  type StoredTensor,
  sumOrNull,
} from './stored-fold.js'

/** Takes the sum of a block; `values` is used again for the next one. */
export type TakeBlock = (block: Block<StoredTensor>, values: Float32Array, fits: boolean) => void

const WORTH_BYTES = 64e6 // that are read: some milliseconds
const MOST_THREADS = 4
const PATIENCE_MS = 1000 // for a block of another thread
const TURN_MS = 20 // after which others of this thread have theirs

let spare: Float32Array | null = null // memory of the last sum that was shared

/**
 * Sums every block, and gives them to `take` in their order. Large sums are shared with other threads; each block is the same to the bit
 * whoever sums it. `threads` is how many, with this one.
 */
export async function foldStored(sum: StoredSum, take: TakeBlock, threads = threadsFor(sum)): Promise<void> {
  const fold = openStoredFold(sum)
  const others = hired(threads - 1)
  const shared = others.length > 0 ? sharedBlocks(fold, sum) : createSharedBlocks(0, 0)
  for (const other of others) other.postMessage({ sum, shared })
  let isShared = others.length > 0
  let isWhole = false
  let sinceMs = performance.now()
  try {
    for (const [index, block] of fold.blocks.entries()) {
      const theirs = isShared ? sharedSum(shared, fold, index) : 'own'
      if (theirs === 'late') isShared = false
      if (typeof theirs === 'string') {
        const { values, fits } = fold.sumOf(index)
        take(block, values, fits)
      } else take(block, theirs.subarray(0, block.count), true)
      taken(shared, index)
      if (performance.now() - sinceMs < TURN_MS) continue
      await setImmediate()
      sinceMs = performance.now()
    }
    isWhole = true
  } finally {
    halt(shared)
    fold.close()
    released(others, isShared)
    if (isShared && isWhole) spare = shared.values // nobody writes to it any more
  }
}

function sharedBlocks({ blocks }: StoredFold, { blockValues }: StoredSum): SharedBlocks {
  const shared = createSharedBlocks(blocks.length, blockValues, spare)
  spare = null
  return shared
}

function threadsFor({ terms, tensors }: StoredSum): number {
  const values = tensors.reduce((all, { length }) => all + length, 0)
  return 4 * values * terms.length < WORTH_BYTES ? 1 : Math.min(MOST_THREADS, availableParallelism())
}

/**
 * The sum of a block that another thread has summed; meanwhile later ones are summed here. `own`: this thread is to sum it; `late`: the
 * other one does not come to an end, and nothing of it is to be used any more.
 */
function sharedSum(shared: SharedBlocks, fold: StoredFold, index: number): Float32Array | 'own' | 'late' {
  for (;;) {
    const theirs = found(shared, index)
    if (theirs !== undefined) return theirs ?? 'own'
    const next = claim(shared)
    if (next === index) return 'own'
    if (next !== undefined) put(shared, next, sumOrNull(fold, next))
    else if (!awaited(shared, index, PATIENCE_MS)) return 'late'
  }
}
