import type { Task } from '../source/task.js'
import type { Batch } from './batches.js'

/**
 * RangeError unless batches have labels that a model of the task can learn from: one class a row for a classifier, hidden
 * tokens for a masked-word model. Windows of plain text have neither.
 */
export function expectFitting(task: Task, batches: readonly Batch[]): void {
  if (task === 'sequence' && batches.some(({ rows, labels }) => labels.length !== rows)) {
    throw new RangeError('a classifier expected one label a row, got plain text; use a causal language model')
  }
  if (task === 'masked' && batches.length > 0 && batches.every(isVisible)) {
    throw new RangeError(
      'a masked-word model expected hidden tokens, got plain text with every token visible; use a causal language model',
    )
  }
}

/** Whether each label can be read off the input. */
function isVisible({ inputIds, labels }: Batch): boolean {
  return labels.every((label, at) => label < 0 || label === inputIds[at])
}
