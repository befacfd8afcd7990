/**
 * What a gradient rule is: how the gradient of a node's outputs becomes the gradient of its inputs.
 * @module
 */
import type { GraphBuilder } from '../../graph/builder.js'
import type { Node, Value } from '../../graph/graph.js'

export interface RuleCall {
  readonly builder: GraphBuilder
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly (Value | undefined)[]
  /** The loss's gradient for each output; undefined where the output does not reach the loss. */
  readonly gradients: readonly (Value | undefined)[]
  /** Which inputs want a gradient. */
  readonly needed: readonly boolean[]
}

/** Appends the operators of one node's backward pass; gives a gradient for each needed input, at its position. */
export type Rule = (call: RuleCall) => readonly (Value | undefined)[]

export type Rules = Readonly<Record<string, Rule>>

/** The input at a position; TypeError when it is missing. */
export function inputOf({ node, inputs }: RuleCall, index: number): Value {
  const input = inputs[index]
  if (input === undefined)
    throw new TypeError(`${node.op} "${node.name}" expects input ${index}; it is missing`)
  return input
}

/** The first output; TypeError when the node does not name it. */
export function outputOf({ node, outputs }: RuleCall): Value {
  const [output] = outputs
  if (output === undefined)
    throw new TypeError(`${node.op} "${node.name}" expects a first output; it is missing`)
  return output
}

/** The gradient of the first output, when it is the only output with one; TypeError otherwise. */
export function gradientOf({ node, gradients }: RuleCall): Value {
  const [gradient, ...others] = gradients
  if (gradient === undefined || others.some((other) => other !== undefined)) {
    throw new TypeError(
      `${node.op} "${node.name}" can only be differentiated through its first output; another one reaches the loss`,
    )
  }
  return gradient
}
