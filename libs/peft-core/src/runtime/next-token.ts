/**
 * The logits of the token after a text, from a graph that gives them for every position of a window.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { NEXT_POSITION } from '../source/cache.js'
import type { TokenBatch } from '../train/batch.js'
import { IGNORED } from '../train/counted.js'

/** The logits (vocabulary) of the token that follows `ids`. */
export type NextLogits = (ids: readonly number[]) => Promise<Float32Array>

/** The output with the logits of the wanted position, or one after the other of the wanted position of each row, (B V). */
export const NEXT = 'next'

/**
 * Replaces the output `logits` by `next`, the logits of one position: a window of a large vocabulary is long to copy. Other
 * outputs (keys and values) stay.
 */
export function withPosition<T extends { readonly graph: Graph }>(training: T): T {
  const builder = createBuilder(training.graph, { keepOutputs: false })
  const logits = builder.value('logits')
  const row = builder.has(NEXT_POSITION)
    ? logits // (B, 1, V): only the wanted ones were made
    : builder.op('Gather', [logits, builder.input(NEXT_POSITION, 'int64', [1])], {
        attributes: { axis: int(1) },
      })
  const [flat] = builder.append({
    name: NEXT,
    op: 'Reshape',
    domain: '',
    inputs: [row.name, builder.constant([-1], 'int64').name],
    outputs: [NEXT],
    attributes: {},
  })
  for (const output of training.graph.outputs) if (output.name !== 'logits') builder.output(output)
  if (flat !== undefined) builder.output(flat)
  return { ...training, graph: builder.build() }
}

/** One row of tokens, filled up on the right with positions that a causal model does not look at. */
export function paddedRow(ids: readonly number[], columns: number): TokenBatch {
  const inputIds = new Int32Array(columns)
  inputIds.set(ids)
  const attentionMask = new Int32Array(columns).fill(1, 0, ids.length)
  return { rows: 1, columns, inputIds, attentionMask, labels: new Int32Array(columns).fill(IGNORED) }
}

/** The smallest window of 32, 64, 128… columns that holds `length` tokens, so that few graphs serve every length. */
export function windowColumns(length: number, maxColumns = Number.POSITIVE_INFINITY): number {
  let columns = 32
  while (columns < length) columns *= 2
  return Math.min(columns, maxColumns)
}
