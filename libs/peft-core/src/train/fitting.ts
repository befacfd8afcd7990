import type { Task } from '../source/task.js'
import { type Batch, isImages, type TokenBatch } from './batch.js'

/**
 * RangeError unless a batch is what a model of the task can learn from: images for a classifier of images, one class a
 * row for a classifier of texts, hidden tokens for a masked-word model. Windows of plain text are none of these.
 */
export function expectFitting(task: Task, batch: Batch): void {
  if (isImages(batch) !== (task === 'image')) {
    const [wanted, got] = task === 'image' ? ['images', 'text'] : ['text', 'images']
    throw new RangeError(`a model for the task "${task}" expected ${wanted}, got ${got}`)
  }
  if (!isImages(batch)) expectLabels(task, batch)
}

function expectLabels(task: Task, batch: TokenBatch): void {
  if (task === 'token' && batch.labels.length !== batch.inputIds.length) {
    throw new RangeError('a classifier of tokens expected one label a token, got one a row')
  }
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
function isPlain({ inputIds, labels, attentionMask }: TokenBatch): boolean {
  return labels.every((label, at) => label === inputIds[at] || attentionMask[at] === 0)
}
