import type { Batch } from './batches.js'

/** What is predicted: the next token, the token itself where it is masked, or one class for a row. */
export type Task = 'causal' | 'masked' | 'sequence'

/** The label of a position that does not count. */
export const IGNORED = -100

/** How many predictions the mean loss of a batch is taken over. A causal model predicts nothing for a row's first label. */
export function countedTokens({ rows, labels }: Batch, task: Task): number {
  const columns = labels.length / rows
  let count = 0
  for (let index = 0; index < labels.length; index++) {
    if (labels[index] !== IGNORED && !(task === 'causal' && index % columns === 0)) count++
  }
  return count
}
