/**
 * What sums, products and powers compute, as a polynomial: two spellings of one formula have the same polynomial.
 * @module
 */
import { constantFromWeight } from './constant.js'
import { type Graph, type Node, sizeOf } from './graph.js'

/** Coefficients by monomial. A monomial is its factors, sorted, one a line; '' is 1. */
export type Polynomial = ReadonlyMap<string, number>

/** A graph with its edges: who gives a value, and who reads it (an output of the graph is read by nobody known). */
export interface Edges {
  readonly graph: Graph
  readonly producers: ReadonlyMap<string, Node>
  readonly users: ReadonlyMap<string, readonly Node[]>
  readonly outputs: ReadonlySet<string>
}

export interface Formula {
  readonly polynomial: Polynomial
  /** The nodes that the polynomial stands for. */
  readonly nodes: ReadonlySet<Node>
}

const MAX_TERMS = 8
const INVERSE = '1 / '

/** The factor that is one divided by a value. */
export const inverseOf = (name: string): string => `${INVERSE}${name}`

export function edgesOf(graph: Graph): Edges {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const users = new Map<string, Node[]>()
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) {
      const known = users.get(name)
      if (known === undefined) users.set(name, [node])
      else known.push(node)
    }
  }
  return { graph, producers, users, outputs: new Set(graph.outputs.map(({ name }) => name)) }
}

/** The number that a weight of one float32 element is; undefined for anything else. */
export function scalarOf({ graph }: Edges, name: string | undefined): number | undefined {
  const weight = name === undefined ? undefined : graph.weights.get(name)
  if (weight?.element !== 'float32' || sizeOf(weight.shape) !== 1) return undefined
  return constantFromWeight(weight).data[0]
}

/**
 * The polynomial of a value in the values `given` and whatever else is neither a sum, a product, a quotient nor a power;
 * undefined when it is none of a few terms.
 */
export function formulaOf(edges: Edges, name: string, given: ReadonlySet<string>): Formula | undefined {
  const nodes = new Set<Node>()
  const polynomialOf = (value: string): Polynomial | undefined => {
    if (given.has(value)) return new Map([[value, 1]])
    const scalar = scalarOf(edges, value)
    if (scalar !== undefined) return new Map([['', scalar]])
    const node = edges.producers.get(value)
    const combine = node === undefined || node.domain !== '' ? undefined : steps.get(node.op)
    if (node === undefined || combine === undefined) return new Map([[value, 1]])
    nodes.add(node)
    const parts: Polynomial[] = []
    for (const input of node.inputs) {
      const part = polynomialOf(input)
      if (part === undefined) return undefined
      parts.push(part)
    }
    const result = combine(parts as [Polynomial, Polynomial])
    return result !== undefined && result.size <= MAX_TERMS ? result : undefined
  }
  const polynomial = polynomialOf(name)
  return polynomial && { polynomial, nodes }
}

/** The operators that a formula is made of. */
export const isStep = ({ op, domain }: Node): boolean => domain === '' && steps.has(op)

type Step = (inputs: readonly [Polynomial, Polynomial]) => Polynomial | undefined

const steps: ReadonlyMap<string, Step> = new Map<string, Step>([
  ['Add', ([a, b]) => sum(a, b)],
  ['Sub', ([a, b]) => sum(a, scaled(b, -1))],
  ['Neg', ([a]) => scaled(a, -1)],
  ['Mul', ([a, b]) => product(a, b)],
  ['Div', ([a, b]) => quotient(a, b)],
  ['Reciprocal', ([a]) => quotient(new Map([['', 1]]), a)],
  ['Pow', ([a, b]) => power(a, constantOf(b))],
])

function constantOf(polynomial: Polynomial): number | undefined {
  if (polynomial.size === 0) return 0
  return polynomial.size === 1 ? polynomial.get('') : undefined
}

/** Terms that cancel are left out, up to rounding. */
function sum(a: Polynomial, b: Polynomial): Polynomial {
  const terms = new Map(a)
  for (const [monomial, coefficient] of b) {
    const before = terms.get(monomial) ?? 0
    const total = before + coefficient
    if (Math.abs(total) <= 1e-12 * Math.abs(before)) terms.delete(monomial)
    else terms.set(monomial, total)
  }
  return terms
}

const scaled = (a: Polynomial, factor: number): Polynomial =>
  new Map([...a].map(([monomial, coefficient]) => [monomial, coefficient * factor]))

function product(a: Polynomial, b: Polynomial): Polynomial {
  let total: Polynomial = new Map()
  for (const [left, x] of a) {
    for (const [right, y] of b) total = sum(total, new Map([[monomialOf(left, right), x * y]]))
  }
  return total
}

/** By a number, or by one value. */
function quotient(a: Polynomial, b: Polynomial): Polynomial | undefined {
  const number = constantOf(b)
  if (number !== undefined) return number === 0 ? undefined : scaled(a, 1 / number)
  const [[value, coefficient] = ['', 0]] = b
  if (b.size !== 1 || value.includes('\n') || value.startsWith(INVERSE)) return undefined
  return product(a, new Map([[inverseOf(value), 1 / coefficient]]))
}

function power(a: Polynomial, exponent: number | undefined): Polynomial | undefined {
  if (exponent === 2) return product(a, a)
  return exponent === 3 ? product(product(a, a), a) : undefined
}

/** The monomial of some factors. */
export function monomialOf(...factors: readonly string[]): string {
  return factors
    .flatMap((factor) => factor.split('\n'))
    .filter((factor) => factor !== '')
    .sort()
    .join('\n')
}

/** Whether two polynomials are the same up to the rounding of float32 constants. */
export function samePolynomial(a: Polynomial, b: Polynomial): boolean {
  return (
    a.size === b.size && [...b].every(([monomial, wanted]) => isNear(a.get(monomial) ?? Number.NaN, wanted))
  )
}

/** Whether two numbers differ by no more than float32 constants that were computed from one another do. */
export const isNear = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.abs(b)
