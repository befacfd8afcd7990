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

/** How many columns `appendPrediction` gives. */
export const PREDICTION_COLUMNS = 6

/**
 * Appends what is known of each row: logits (N, V) -> (N, 6) of float32. The columns are the likeliest class (the first
 * of equals; exact below 2^24 classes), its probability, how many classes are likelier than the label, the log probability
 * of the label in nats, and the mean and the standard deviation of the log probability of a class drawn by the model.
 */
export function appendPrediction(builder: GraphBuilder, logits: Value, row: RowLoss): Value {
  const { apply, add, compare, concat, mul, sub, sum } = algebra(builder)
  const { chosen, surest, highest, probabilities, loss } = row
  const asNumber = (x: Value): Value => apply('Cast', x, { to: int(FLOAT32) })
  const likeliest = apply('ArgMax', logits, { axis: int(-1), keepdims: int(1) }) // (N, 1)
  const rank = sum(asNumber(compare('Greater', logits, chosen)), [1]) // (N, 1)
  const logs = add(sub(logits, highest), apply('Log', surest)) // (N, V)
  const mean = sum(mul(probabilities, logs), [1]) // (N, 1)
  const apart = sub(logs, mean)
  const deviation = apply('Sqrt', sum(mul(probabilities, mul(apart, apart)), [1])) // (N, 1)
  return concat([asNumber(likeliest), surest, rank, apply('Neg', loss), mean, deviation], 1)
}
