/**
 * What rows of logits predict, beside their loss.
 *
 * Sizes used below: N = rows, V = classes.
 * @module
 */
import type { GraphBuilder } from '../graph/builder.js'
import { int, type Value } from '../graph/graph.js'
import type { RowLoss } from './cross-entropy.js'
import { algebra } from './rules/algebra.js'

const FLOAT32 = 1

/**
 * Appends what is known of each row: logits (N, V) -> (N, 3) of float32. The columns are the likeliest class (the first
 * of equals; exact below 2^24 classes), its probability, and how many classes are likelier than the label.
 */
export function appendPrediction(
  builder: GraphBuilder,
  logits: Value,
  { chosen, surest }: Pick<RowLoss, 'chosen' | 'surest'>,
): Value {
  const { apply, compare, concat, sum } = algebra(builder)
  const asNumber = (x: Value): Value => apply('Cast', x, { to: int(FLOAT32) })
  const likeliest = apply('ArgMax', logits, { axis: int(-1), keepdims: int(1) }) // (N, 1)
  const rank = sum(asNumber(compare('Greater', logits, chosen)), [1]) // (N, 1)
  return concat([asNumber(likeliest), surest, rank], 1)
}
