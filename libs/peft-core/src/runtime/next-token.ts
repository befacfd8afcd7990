/**
 * The logits of the token after a text, from a graph that gives them for every position of a window.
 * @module
 */
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import type { Batch } from '../train/batches.js'
import { IGNORED } from '../train/counted.js'

/** The input that says which position's logits are wanted. */
export const POSITION = 'next_position'

/** Replaces the output `logits` by `next`, the logits of one position: a window of a large vocabulary is long to copy. */
export function withPosition<T extends { readonly graph: Graph }>(training: T): T {
  const builder = createBuilder(training.graph, { keepOutputs: false })
  const position = builder.input(POSITION, 'int64', [1])
  const row = builder.op('Gather', [builder.value('logits'), position], { attributes: { axis: int(1) } })
  const [flat] = builder.append({
    name: 'next',
    op: 'Reshape',
    domain: '',
    inputs: [row.name, builder.constant([-1], 'int64').name],
    outputs: ['next'],
    attributes: {},
  })
  if (flat !== undefined) builder.output(flat)
  return { ...training, graph: builder.build() }
}

/** One row of tokens, filled up on the right with positions that a causal model does not look at. */
export function paddedRow(ids: readonly number[], columns: number): Batch {
  const inputIds = new Int32Array(columns)
  inputIds.set(ids)
  const attentionMask = new Int32Array(columns).fill(1, 0, ids.length)
  return { rows: 1, columns, inputIds, attentionMask, labels: new Int32Array(columns).fill(IGNORED) }
}
