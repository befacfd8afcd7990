import { type Assignment, LoricaError } from '@lorica/protocol'
import type { SumBook } from '../store/sum-book.js'

/**
 * Has nothing of a run leave in the clear once it asked for a sum, whatever becomes of that. Throws LoricaError LRC-6017 for an assignment whose update or loss
 * would be seen by itself.
 */
export function maskedOnly(book: Pick<SumBook, 'knows' | 'use'>): (assignment: Assignment) => Promise<void> {
  return async ({ runId, secure, kind }) => {
    const isKnown = await book.knows(runId)
    if (secure !== undefined && !isKnown) await book.use(runId, [])
    if (secure !== undefined || !isKnown) return
    const what = kind === 'train' ? 'this update' : 'this loss'
    throw new LoricaError('LRC-6017', `what this run asks for left masked so far, and ${what} would not`)
  }
}
