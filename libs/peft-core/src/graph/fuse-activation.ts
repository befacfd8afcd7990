/**
 * The Gaussian error linear units and x sigmoid(a x): x times a gate of x, however the sums and products are written.
 * Papers: https://arxiv.org/abs/1606.08415, https://arxiv.org/abs/1702.03118
 * @module
 */
import {
  type Edges,
  formulaOf,
  isNear,
  isStep,
  monomialOf,
  type Polynomial,
  samePolynomial,
  scalarOf,
} from './formula.js'
import type { Fusion } from './fusion.js'
import { float, type Node, sameShape, text } from './graph.js'

const TANH_SCALE = Math.sqrt(2 / Math.PI)
const TANH_CUBE = 0.044715

interface Found {
  readonly node: Omit<Fusion['node'], 'inputs'>
  /** The activation, as a polynomial of its input and of the gate. */
  readonly whole: Polynomial
}

/** One node for the activation whose Erf, Tanh or Sigmoid is `gate`. */
export function fuseActivation(edges: Edges, gate: Node): Fusion | undefined {
  const [argument, opened] = [gate.inputs[0], gate.outputs[0]]
  if (!GATES.has(gate.op) || argument === undefined || opened === undefined) return undefined
  if (edges.graph.types.get(opened)?.element !== 'float32') return undefined
  for (const x of candidates(edges, argument)) {
    const inside = formulaOf(edges, argument, new Set([x]))
    const found = inside && activationOf(gate.op, inside.polynomial, x, opened)
    if (inside === undefined || found === undefined) continue
    const outside = wholeOf(edges, found.whole, x, opened)
    if (outside === undefined) continue
    const nodes = new Set([...inside.nodes, gate, ...outside.nodes])
    return { nodes, result: outside.result, node: { ...found.node, inputs: [x] } }
  }
  return undefined
}

const GATES: ReadonlySet<string> = new Set(['Erf', 'Tanh', 'Sigmoid'])

/** The values that the argument of a gate may be a polynomial of, itself included. */
function candidates(edges: Edges, argument: string): ReadonlySet<string> {
  const found = new Set([argument])
  for (const name of found) {
    const node = edges.producers.get(name)
    if (node === undefined || !isStep(node) || found.size > 12) continue
    for (const input of node.inputs) if (scalarOf(edges, input) === undefined) found.add(input)
  }
  return found
}

/** What a gate of this argument makes of x. */
function activationOf(op: string, argument: Polynomial, x: string, gate: string): Found | undefined {
  const cubic = (scale: number): Polynomial =>
    new Map([
      [x, scale],
      [monomialOf(x, x, x), scale * TANH_CUBE],
    ])
  const half: Polynomial = new Map([
    [x, 0.5],
    [monomialOf(x, gate), 0.5],
  ])
  const product: Polynomial = new Map([[monomialOf(x, gate), 1]])
  const gelu = (approximate: string) =>
    ({ op: 'Gelu', domain: '', attributes: { approximate: text(approximate) } }) as const
  if (op === 'Erf')
    return samePolynomial(argument, new Map([[x, Math.SQRT1_2]]))
      ? { node: gelu('none'), whole: half }
      : undefined
  if (op === 'Tanh')
    return samePolynomial(argument, cubic(TANH_SCALE)) ? { node: gelu('tanh'), whole: half } : undefined
  if (samePolynomial(argument, cubic(2 * TANH_SCALE))) return { node: gelu('tanh'), whole: product }
  const slope = argument.size === 1 ? argument.get(x) : undefined
  if (slope === undefined) return undefined
  const alpha = float(isNear(slope, 1) ? 1 : slope)
  return { node: { op: 'QuickGelu', domain: 'com.microsoft', attributes: { alpha } }, whole: product }
}

/** The value behind the gate that is the whole activation. */
function wholeOf(edges: Edges, whole: Polynomial, x: string, gate: string) {
  const shape = edges.graph.types.get(x)?.shape
  const given = new Set([x, gate])
  const reached = new Set([gate])
  for (const name of reached) {
    const formula = name === gate ? undefined : formulaOf(edges, name, given)
    const type = edges.graph.types.get(name)
    const fits = formula !== undefined && samePolynomial(formula.polynomial, whole)
    if (fits && type !== undefined && shape !== undefined && sameShape(type.shape, shape))
      return { result: name, nodes: formula.nodes }
    const users = reached.size > 12 ? [] : (edges.users.get(name) ?? [])
    for (const user of users) if (isStep(user)) reached.add(user.outputs[0] ?? '')
  }
  return undefined
}
