import type { Node } from '../../graph/graph.js'
import { arithmeticRules } from './arithmetic.js'
import { gatherRules } from './gather.js'
import { geluContribRules, geluRules } from './gelu.js'
import { productContribRules, productRules } from './matmul.js'
import { normalisationRules } from './normalise.js'
import { pointwiseRules } from './pointwise.js'
import { quantisedContribRules } from './quantised.js'
import { reductionRules } from './reduce.js'
import { rotaryContribRules } from './rotary.js'
import type { Rule, Rules } from './rule.js'
import { shapeRules } from './shape.js'
import { softmaxRules } from './softmax.js'

const standard: Rules = {
  ...arithmeticRules,
  ...gatherRules,
  ...geluRules,
  ...normalisationRules,
  ...pointwiseRules,
  ...productRules,
  ...reductionRules,
  ...shapeRules,
  ...softmaxRules,
}

const contrib: Rules = {
  ...geluContribRules,
  ...productContribRules,
  ...quantisedContribRules,
  ...rotaryContribRules,
}

/** Every operator with a gradient rule, as `Op` or `com.microsoft.Op`. */
export const differentiableOperators: readonly string[] = [
  ...Object.keys(standard),
  ...Object.keys(contrib).map((op) => `com.microsoft.${op}`),
].sort()

/** The gradient rule of a node's operator; undefined when there is none. */
export function ruleOf({ op, domain }: Pick<Node, 'op' | 'domain'>): Rule | undefined {
  const rules = domain === '' ? standard : contrib
  return Object.hasOwn(rules, op) ? rules[op] : undefined
}

const broadcasting = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Sum', 'Expand', 'Where'],
  ...Object.keys(pointwiseRules),
])

/** Whether an operator's rule takes gradients that are not yet broadcast to the shape of the output. */
export function acceptsBroadcast({ op, domain }: Pick<Node, 'op' | 'domain'>): boolean {
  return domain === '' && broadcasting.has(op)
}
