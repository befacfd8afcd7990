/**
 * Reverse-mode differentiation of a graph: the backward pass is appended as ordinary operators.
 * @module
 */
import { createBuilder, type GraphBuilder } from '../graph/builder.js'
import { type Graph, type Node, sizeOf, type Value } from '../graph/graph.js'
import { isFloat } from '../operators/elementwise.js'
import { classPartsRule } from './class-parts.js'
import { crossEntropyRule } from './cross-entropy.js'
import { finishGradients } from './finish.js'
import type { PatternCall, PatternRule } from './pattern.js'
import { clippedSums, exampleGradient, expectByExample } from './per-example.js'
import { piecesRule } from './pieces.js'
import { activeValues, undifferentiableNodes } from './reach.js'
import { algebra } from './rules/algebra.js'
import { acceptsBroadcast, ruleOf } from './rules/table.js'
import { siluRule } from './silu.js'
import { withStatistics } from './statistics.js'

const patterns: readonly PatternRule[] = [classPartsRule, crossEntropyRule, siluRule, piecesRule]

/** The name of the output that carries an input's gradient. */
export const gradientName = (input: string): string => `grad:${input}`

export interface DifferentiateOptions {
  /**
   * How many examples a batch has: outputs are then sums over the examples of their clipped gradients, with an input `clip` and
   * an output `norms` (N); see `per-example.ts`. The loss has to be a sum over examples that know nothing of each other.
   */
  readonly examples?: number | undefined
}

/**
 * A graph with the gradients of `lossName`, a single number, appended as outputs `grad:<name>` for each name of
 * `trainable` (floating inputs of the graph), in that order and with the input's shape. Nothing is computed for values
 * that the trainable inputs do not influence.
 *
 * RangeError when a name is unknown, the loss is not one number, or an input does not influence the loss; TypeError
 * that names operator, node and module when an operator in between has no gradient rule.
 */
export function differentiate(
  graph: Graph,
  lossName: string,
  trainable: readonly string[],
  { examples }: DifferentiateOptions = {},
): Graph {
  const active = activeValues(graph, lossName, trainable)
  check(graph, lossName, trainable, active)
  const forward = withStatistics(graph, active)
  const builder = createBuilder(forward)
  const gradients = createGradients(builder)
  gradients.add(lossName, algebra(builder).scalar(1, builder.value(lossName).element))
  const producers = new Map(
    forward.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  )
  const apart = new Set(examples === undefined ? [] : trainable)
  for (const node of forward.nodes.toReversed()) {
    if (!node.outputs.some((name) => active.has(name)) || !node.inputs.some((name) => active.has(name)))
      continue
    backward({ builder, active, gradients, producers, apart, examples }, node)
  }
  const named = trainable.map((name): readonly [string, Value] => {
    const gradient = gradients.take(name, examples === undefined)
    if (gradient === undefined) throw new RangeError(`input "${name}" does not influence "${lossName}"`)
    if (examples !== undefined) expectByExample(gradient, builder.value(name), examples)
    return [gradientName(name), gradient]
  })
  const given = examples === undefined ? named : clippedSums(builder, named, examples)
  return finishGradients(builder.build(), graph.nodes.length, given)
}

/** The gradient of each value, summed over the places that read it. */
interface Gradients {
  add(name: string, gradient: Value): void
  /** `whole`: broadcast to the shape of the value, if it is not yet. */
  take(name: string, whole: boolean): Value | undefined
}

function createGradients(builder: GraphBuilder): Gradients {
  const sums = new Map<string, Value>()
  return {
    add(name, gradient) {
      const so = sums.get(name)
      sums.set(name, so === undefined ? gradient : algebra(builder).add(so, gradient))
    },
    take(name, whole) {
      const gradient = sums.get(name)
      return gradient && whole ? algebra(builder).expand(gradient, builder.value(name).shape) : gradient
    },
  }
}

interface Pass extends Pick<PatternCall, 'builder' | 'active' | 'producers' | 'apart'> {
  readonly gradients: Gradients
  readonly examples: number | undefined
}

function backward({ builder, active, gradients, producers, apart, examples }: Pass, node: Node): void {
  const named = (name: string): Value | undefined => (name === '' ? undefined : builder.value(name))
  const given = node.outputs.map((name) => gradients.take(name, !acceptsBroadcast(node)))
  if (given.every((gradient) => gradient === undefined)) return
  const whole = firstMatch({ builder, node, producers, active, apart, gradient: given[0] })
  if (whole !== undefined) {
    for (const [name, gradient] of whole) gradients.add(name, gradient)
    return
  }
  const needed = node.inputs.map((name) => active.has(name) && !apart.has(name))
  const [inputs, outputs] = [node.inputs.map(named), node.outputs.map(named)]
  const back = ruleOf(node)?.({ builder, node, inputs, outputs, gradients: given, needed }) ?? []
  for (const [index, name] of node.inputs.entries()) {
    if (!active.has(name)) continue
    const isApart = examples !== undefined && apart.has(name) && given[0] !== undefined
    const gradient = isApart
      ? exampleGradient(builder, { node, index, gradient: given[0] as Value }, examples)
      : back[index]
    if (gradient === undefined) {
      throw new TypeError(`${describe(node)} has no gradient for input ${index} "${name}"`)
    }
    gradients.add(name, gradient)
  }
}

function firstMatch(call: PatternCall): ReturnType<PatternRule> {
  for (const rule of patterns) {
    const gradients = rule(call)
    if (gradients !== undefined) return gradients
  }
  return undefined
}

function check(
  graph: Graph,
  lossName: string,
  trainable: readonly string[],
  active: ReadonlySet<string>,
): void {
  const loss = graph.types.get(lossName)
  if (loss === undefined || sizeOf(loss.shape) !== 1 || !isFloat(loss.element)) {
    const got = loss === undefined ? 'no such value' : `${loss.element}(${loss.shape.join(', ')})`
    throw new RangeError(`expected a loss "${lossName}" of one floating number, got ${got}`)
  }
  const inputs = new Map(graph.inputs.map((input) => [input.name, input]))
  for (const name of trainable) {
    const input = inputs.get(name)
    if (input === undefined || !isFloat(input.element)) {
      throw new RangeError(
        `expected "${name}" to be a floating input of the graph; it is ${input?.element ?? 'not an input'}`,
      )
    }
  }
  const missing = undifferentiableNodes(graph, active)
  if (missing.length > 0) {
    const shown = missing.slice(0, 8).map(describe)
    const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : ''
    throw new TypeError(
      `no gradient rule for ${shown.join('; ')}${more}; these operators are between trainable inputs and the loss`,
    )
  }
  const cut = trainable.filter((name) => !active.has(name))
  if (cut.length > 0) {
    throw new RangeError(
      `expected every trainable input to influence "${lossName}"; these do not: ${cut.join(', ')}`,
    )
  }
}

/** An operator as an error names it. */
function describe({ op, domain, name, module }: Node): string {
  const place = module === undefined ? '' : ` of module ${module}`
  return `operator ${domain === '' ? '' : `${domain}.`}${op} at node "${name}"${place}`
}
