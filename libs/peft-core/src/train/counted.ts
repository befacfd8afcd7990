import type { Task } from '../source/task.js'

/** The label of a position that does not count. */
export const IGNORED = -100

/** The labels of a batch, (B, T) or (B). */
interface Labelled {
  readonly rows: number
  readonly labels: Int32Array
}

/**
 * How many predictions the mean loss of a batch is taken over. A causal model predicts nothing for a row's first label,
 * unless virtual tokens come before it.
 */
export function countedTokens({ rows, labels }: Labelled, task: Task, virtualTokens = 0): number {
  const skipsFirst = task === 'causal' && virtualTokens === 0
  const columns = labels.length / rows
  let count = 0
  for (let index = 0; index < labels.length; index++) {
    if (labels[index] !== IGNORED && !(skipsFirst && index % columns === 0)) count++
  }
  return count
}
