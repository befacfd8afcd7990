import { type Assignment, LoricaError } from '@lorica/protocol'
import type { SumBook } from './store/sum-book.js'

/**
 * Has nothing of a run leave in the clear once a sum of it was begun. Throws LoricaError LRC-6017 for an assignment whose update or loss
 * would be seen by itself.
 */
export function maskedOnly(book: Pick<SumBook, 'knows'>): (assignment: Assignment) => Promise<void> {
  return async ({ runId, secure, kind }) => {
    if (secure !== undefined || !(await book.knows(runId))) return
    const what = kind === 'train' ? 'this update' : 'this loss'
    throw new LoricaError('LRC-6017', `what this run asks for left masked so far, and ${what} would not`)
  }
}
