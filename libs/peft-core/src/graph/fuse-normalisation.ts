/**
 * Layer normalisation and its form without a mean (RMS), however the sums and products are written:
 * y = (x - mean) / deviation * scale + bias. Papers: https://arxiv.org/abs/1607.06450, https://arxiv.org/abs/1910.07467
 * @module
 */
import { weightBytes } from './constant.js'
import {
  type Edges,
  formulaOf,
  inverseOf,
  isStep,
  monomialOf,
  type Polynomial,
  samePolynomial,
  scalarOf,
} from './formula.js'
import type { Fusion } from './fusion.js'
import { float, int, intOf, type Node, sameShape, sizeOf, type Weight } from './graph.js'

/** The deviation of a normalisation: what it is of, and the nodes that compute it. */
interface Deviation {
  readonly x: string
  /** The mean that is subtracted; undefined when none is. */
  readonly mean: Node | undefined
  readonly epsilon: number
  /** The deviation or its inverse, as the model computes it, and the inverse as a factor. */
  readonly value: string
  readonly factor: string
  readonly nodes: readonly Node[]
  /** The sizes of the normalised axes, which are the last ones. */
  readonly sides: readonly number[]
}

/** One node for the normalisation whose mean of squares is `squares`. */
export function fuseNormalisation(edges: Edges, squares: Node): Fusion | undefined {
  const deviation = deviationOf(edges, squares)
  if (deviation === undefined) return undefined
  const { x, mean, value } = deviation
  const given = new Set([x, value, ...(mean === undefined ? [] : mean.outputs)])
  let best: Fusion | undefined
  const reached = new Set([value])
  for (const name of reached) {
    best = (name === value ? undefined : wholeOf(edges, deviation, name, given)) ?? best
    const users = reached.size > 12 ? [] : (edges.users.get(name) ?? [])
    for (const user of users) if (isStep(user)) reached.add(user.outputs[0] ?? '')
  }
  return best
}

function deviationOf(edges: Edges, squares: Node): Deviation | undefined {
  const { graph, producers } = edges
  const sides = lastSides(edges, squares)
  const square = producers.get(squares.inputs[0] ?? '')
  if (sides === undefined || square === undefined || !isSquare(edges, square)) return undefined
  const shifted = onlyUser(edges, squares)
  const epsilon = shifted?.inputs.map((input) => scalarOf(edges, input)).find((found) => found !== undefined)
  const root = shifted?.op === 'Add' ? onlyUser(edges, shifted) : undefined
  const inverted = root && isRoot(edges, root)
  if (shifted === undefined || root === undefined || inverted === undefined || epsilon === undefined)
    return undefined
  const base = square.inputs[0] ?? ''
  const mean = meanWithin(edges, base, squares)
  const value = root.outputs[0] ?? ''
  const centre = mean === undefined ? undefined : producers.get(base)
  const x = mean?.inputs[0] ?? base
  if (graph.types.get(x)?.element !== 'float32') return undefined
  const nodes = [square, squares, shifted, root, ...(centre === undefined ? [] : [centre])]
  return { x, mean, epsilon, value, factor: inverted ? value : inverseOf(value), nodes, sides }
}

/** The sizes of the axes of a mean that keeps its rank; undefined unless they are the last ones. */
function lastSides({ graph }: Edges, node: Node): readonly number[] | undefined {
  const [from, to] = [graph.types.get(node.inputs[0] ?? ''), graph.types.get(node.outputs[0] ?? '')]
  if (node.op !== 'ReduceMean' || intOf(node, 'keepdims', 1) !== 1) return undefined
  if (from?.element !== 'float32' || to === undefined) return undefined
  const axes = graph.weights.get(node.inputs[1] ?? '')
  const count = axes === undefined ? from.shape.length : sizeOf(axes.shape)
  const sides = from.shape.slice(from.shape.length - count)
  const wanted = from.shape.map((side, axis) => (axis < from.shape.length - count ? side : 1))
  return count > 0 && sides.every((side) => side > 1) && sameShape(wanted, to.shape) ? sides : undefined
}

/** Whether a node squares its first input. */
function isSquare(edges: Edges, { op, inputs }: Node): boolean {
  if (op === 'Mul') return inputs[0] === inputs[1]
  return op === 'Pow' && scalarOf(edges, inputs[1]) === 2
}

/** Whether a root is inverted (true) or not (false); undefined when the node is no square root. */
function isRoot(edges: Edges, { op, inputs }: Node): boolean | undefined {
  if (op === 'Sqrt') return false
  const exponent = op === 'Pow' ? scalarOf(edges, inputs[1]) : undefined
  if (exponent === 0.5) return false
  return exponent === -0.5 ? true : undefined
}

function onlyUser({ users }: Edges, node: Node): Node | undefined {
  const readers = users.get(node.outputs[0] ?? '') ?? []
  return readers.length === 1 ? readers[0] : undefined
}

/** The mean m when a value is x - m and m is the mean of x over the axes of `like`. */
function meanWithin(edges: Edges, value: string, like: Node): Node | undefined {
  const difference = edges.producers.get(value)
  if (difference?.op !== 'Sub') return undefined
  const [x, m] = difference.inputs
  const mean = edges.producers.get(m ?? '')
  const sides = mean && lastSides(edges, mean)
  const same = sides !== undefined && sides.length === lastSides(edges, like)?.length
  return same && mean?.inputs[0] === x ? mean : undefined
}

/** The normalisation whose result is `result`; undefined when that is something else. */
function wholeOf(
  edges: Edges,
  deviation: Deviation,
  result: string,
  given: ReadonlySet<string>,
): Fusion | undefined {
  const { x, mean, factor, sides, epsilon } = deviation
  const { graph } = edges
  const formula = formulaOf(edges, result, given)
  const [type, input] = [graph.types.get(result), graph.types.get(x)]
  if (formula === undefined || !type || !input || !sameShape(type.shape, input.shape)) return undefined
  const { polynomial } = formula
  const scale = vectorWith(edges, polynomial, monomialOf(x, factor), sides)
  if (scale === undefined) return undefined
  const rest = without(polynomial, monomialOf(x, factor, scale))
  const middle = mean?.outputs[0]
  const centred = middle === undefined ? rest : without(rest, monomialOf(middle, factor, scale))
  const bias = centred.size === 0 ? undefined : vectorWith(edges, centred, '', sides)
  const wanted = new Map([
    [monomialOf(x, factor, scale), 1],
    ...(middle === undefined ? [] : [[monomialOf(middle, factor, scale), -1] as const]),
    ...(bias === undefined ? [] : [[bias, 1] as const]),
  ])
  if (!samePolynomial(polynomial, wanted) || bias === '' || (middle === undefined && bias !== undefined))
    return undefined
  const ones = scale === '' ? [onesOf(`${result}:scale`, sides)] : []
  const inputs = [x, scale === '' ? `${result}:scale` : scale, ...(bias === undefined ? [] : [bias])]
  const op = middle === undefined ? 'SimplifiedLayerNormalization' : 'LayerNormalization'
  const attributes = { axis: int(-sides.length), epsilon: float(epsilon) }
  const nodes = new Set([...formula.nodes, ...deviation.nodes, ...(mean === undefined ? [] : [mean])])
  return { nodes, result, node: { op, domain: '', inputs, attributes }, weights: ones }
}

const without = (polynomial: Polynomial, monomial: string): Polynomial =>
  new Map([...polynomial].filter(([key]) => key !== monomial))

/** The weight (or '', for none) that is the only other factor of a term with these factors. */
function vectorWith(
  { graph }: Edges,
  polynomial: Polynomial,
  factors: string,
  sides: readonly number[],
): string | undefined {
  for (const monomial of polynomial.keys()) {
    if (monomial === factors) return ''
    const found = monomial.split('\n').find((name) => monomialOf(factors, name) === monomial)
    const weight = found === undefined ? undefined : graph.weights.get(found)
    if (weight?.element === 'float32' && sameShape(weight.shape, sides)) return weight.name
  }
  return undefined
}

function onesOf(name: string, shape: readonly number[]): Weight {
  const bytes = weightBytes(new Float32Array(sizeOf(shape)).fill(1), 'float32')
  return { name, element: 'float32', shape, data: { kind: 'bytes', bytes } }
}
