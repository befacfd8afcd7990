/**
 * Gradients of softmax p: dx = p (dp - sum(p dp)), and of its logarithm: dx = g - p sum(g).
 * @module
 */
import { axisOf, intOf } from '../../graph/graph.js'
import { pointwise } from './pointwise.js'
import type { Rules } from './rule.js'

export const softmaxRules: Rules = {
  Softmax: pointwise(({ mul, sub, sum }, { y, g, node }) => {
    const axis = axisOf(intOf(node, 'axis', -1), y.shape.length)
    return mul(y, sub(g, sum(mul(y, g), [axis])))
  }),
  LogSoftmax: pointwise(({ mul, sub, sum, apply }, { y, g, node }) => {
    const axis = axisOf(intOf(node, 'axis', -1), y.shape.length)
    return sub(g, mul(apply('Exp', y), sum(g, [axis])))
  }),
}
