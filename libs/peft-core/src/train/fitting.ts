import type { Task } from '../source/task.js'
import type { Batch } from './batches.js'

/**
 * RangeError unless a batch has labels that a model of the task can learn from: one class a row for a classifier, hidden
 * tokens for a masked-word model. Windows of plain text have neither.
 */
export function expectFitting(task: Task, batch: Batch): void {
  if (task === 'sequence' && batch.labels.length !== batch.rows) {
    throw new RangeError('a classifier expected one label a row, got plain text; use a causal language model')
  }
  if (task === 'masked' && isPlain(batch)) {
    throw new RangeError(
      'a masked-word model expected hidden tokens, got plain text with every token visible; use a causal language model',
    )
  }
}

/** Whether the labels are the input. */
function isPlain({ inputIds, labels, attentionMask }: Batch): boolean {
  return labels.every((label, at) => label === inputIds[at] || attentionMask[at] === 0)
}
