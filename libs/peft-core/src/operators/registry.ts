import { convolutions } from './convolution.js'
import { elementwise, elementwiseContrib } from './elementwise.js'
import { gathers } from './gather.js'
import { products, productsContrib } from './matmul.js'
import { normalisations } from './normalise.js'
import type { Operator, Operators } from './operator.js'
import { parts } from './parts.js'
import { poolings } from './pooling.js'
import { quantised, quantisedContrib } from './quantised.js'
import { reductions } from './reduce.js'
import { rotaryContrib } from './rotary.js'
import { selections } from './select.js'
import { shapes } from './shape.js'

const standard: Operators = {
  ...elementwise,
  ...products,
  ...reductions,
  ...shapes,
  ...parts,
  ...gathers,
  ...normalisations,
  ...convolutions,
  ...poolings,
  ...quantised,
  ...selections,
}
const contrib: Operators = {
  ...elementwiseContrib,
  ...productsContrib,
  ...quantisedContrib,
  ...rotaryContrib,
}

/** Whether Lorica knows an operator. */
export function hasOperator(op: string, domain: '' | 'com.microsoft'): boolean {
  return Object.hasOwn(domain === '' ? standard : contrib, op)
}

/** An operator's meaning; TypeError when Lorica does not know it. */
export function operatorOf(op: string, domain: '' | 'com.microsoft'): Operator {
  const operator = hasOperator(op, domain) ? (domain === '' ? standard : contrib)[op] : undefined
  if (operator === undefined)
    throw new TypeError(`operator ${domain === '' ? '' : `${domain}.`}${op} is not supported`)
  return operator
}
