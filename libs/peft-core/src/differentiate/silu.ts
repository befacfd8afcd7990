/**
 * The gradient of x sigmoid(x) as one: with s = sigmoid(x) and y = x s, the slope is s + y - y s. Taken apart it would
 * be two products that are added, over twice the memory. Paper: https://arxiv.org/abs/1702.03118
 * @module
 */
import type { Value } from '../graph/graph.js'
import type { PatternCall } from './pattern.js'
import { algebra } from './rules/algebra.js'

/** The gradient of x by its name when `node` multiplies x with its sigmoid; undefined when it does not. */
export function siluRule(call: PatternCall): readonly (readonly [string, Value])[] | undefined {
  const { builder, node, producers, gradient } = call
  if (node.op !== 'Mul' || gradient === undefined) return undefined
  const [left, right] = node.inputs as readonly [string, string]
  const sigmoid = [
    [left, right],
    [right, left],
  ].find(([x, s]) => {
    const producer = producers.get(s as string)
    return producer?.op === 'Sigmoid' && producer.inputs[0] === x
  })
  if (sigmoid === undefined) return undefined
  const [x, s] = sigmoid as [string, string]
  const y = builder.value(node.outputs[0] as string)
  const { add, sub, mul } = algebra(builder)
  const slope = add(sub(y, mul(y, builder.value(s))), builder.value(s))
  return [[x, mul(gradient, slope)]]
}
