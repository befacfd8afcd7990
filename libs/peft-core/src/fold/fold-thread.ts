/**
 * The program of a thread that sums blocks beside another one.
 * @module
 */
import { parentPort } from 'node:worker_threads'
import { claims, put, type SharedBlocks } from './shared-blocks.js'
import { openStoredFold, type StoredSum, sumOrNull } from './stored-fold.js'

parentPort?.on('message', ({ sum, shared }: { readonly sum: StoredSum; readonly shared: SharedBlocks }) => {
  const fold = openStoredFold(sum)
  try {
    for (const index of claims(shared)) put(shared, index, sumOrNull(fold, index))
  } finally {
    fold.close()
  }
})
