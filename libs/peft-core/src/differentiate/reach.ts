/**
 * Which values take part in differentiation: those that depend on the trainable inputs and reach the loss.
 * @module
 */
import type { Element, Graph, Node } from '../graph/graph.js'
import { isFloat } from '../operators/elementwise.js'
import { ruleOf } from './rules/table.js'

/**
 * The names of the floating values between the trainable inputs and the loss, ends included. Integers and booleans
 * carry no gradient, so a path ends at one; so it does at a detached node.
 */
export function activeValues(
  graph: Graph,
  lossName: string,
  trainable: readonly string[],
): ReadonlySet<string> {
  const depends = new Set(trainable)
  for (const { inputs, outputs, detached } of graph.nodes) {
    if (detached === true || !inputs.some((name) => depends.has(name))) continue
    for (const name of outputs) if (name !== '' && isFloat(elementOf(graph, name))) depends.add(name)
  }
  const active = new Set(depends.has(lossName) ? [lossName] : [])
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    if (!outputs.some((name) => active.has(name))) continue
    for (const name of inputs) if (depends.has(name)) active.add(name)
  }
  return active
}

function elementOf(graph: Graph, name: string): Element {
  const type = graph.types.get(name)
  if (type === undefined) throw new RangeError(`the graph has no value named "${name}"`)
  return type.element
}

/** The nodes between the trainable inputs and the loss whose operator has no gradient rule. */
export function undifferentiableNodes(graph: Graph, active: ReadonlySet<string>): readonly Node[] {
  return graph.nodes.filter(
    (node) =>
      ruleOf(node) === undefined &&
      node.outputs.some((name) => active.has(name)) &&
      node.inputs.some((name) => active.has(name)),
  )
}
