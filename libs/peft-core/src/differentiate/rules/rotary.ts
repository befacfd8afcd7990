/**
 * Gradient of the rotary position embedding: a rotation's gradient turns back by the same angle, so its sine is negated.
 * @module
 */
import { algebra } from './algebra.js'
import { gradientOf, inputOf, type Rule, type Rules } from './rule.js'

const rotary: Rule = (call) => {
  const { builder, node } = call
  const back = algebra(builder).apply('Neg', inputOf(call, 3))
  const inputs = [gradientOf(call), inputOf(call, 1), inputOf(call, 2), back]
  return [builder.op('RotaryEmbedding', inputs, { domain: 'com.microsoft', attributes: node.attributes })]
}

export const rotaryContribRules: Rules = { RotaryEmbedding: rotary }
