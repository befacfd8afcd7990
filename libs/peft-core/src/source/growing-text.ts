/**
 * What differs in a graph for texts that grow: positions go on after what is cached, and only one token's logits are wanted.
 *
 * Sizes used below: B = rows, T = columns, N = B T, D = width.
 * @module
 */
import { int, type Value } from '../graph/graph.js'
import type { Layers } from './layers.js'

/** Where the tokens of each row are, (B, T), after what is cached of it; of a single row only the first, (1). Undefined without a cache. */
export function positionsAfterCache({ builder, batch, cache }: Layers): Value | undefined {
  const { rows, columns } = batch
  if (cache?.length === undefined || rows === 1) return cache?.length
  const firsts = builder.op('Reshape', [cache.length, builder.constant([rows, 1], 'int64')])
  return builder.op('Add', [firsts, builder.constant([...new Array(columns).keys()], 'int64', [1, columns])])
}

/** The states (N, D) that logits are made of: all, or the wanted one of each row (B, D). */
export const wantedStates = ({ builder, wanted }: Layers, hidden: Value): Value =>
  wanted === undefined ? hidden : builder.op('Gather', [hidden, wanted], { attributes: { axis: int(0) } })
