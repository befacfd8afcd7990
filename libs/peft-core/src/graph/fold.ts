/**
 * Computing at build time what does not depend on the batch, and removing what nothing needs.
 * @module
 */
import type { Constant, OperatorInput } from '../operators/operator.js'
import { operatorOf } from '../operators/registry.js'
import { constantFromWeight } from './constant.js'
import { type Element, type Graph, type Node, sizeOf, type TensorType, type Weight } from './graph.js'

/** Results of up to this many elements are computed at build time. */
const FOLDED_ELEMENTS = 65_536

const writable: ReadonlySet<Element> = new Set([
  'float32',
  'float64',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint64',
  'uint32',
  'uint16',
  'uint8',
  'bool',
])

/**
 * The numbers of an initializer that may be computed with at build time, or undefined. Matrices of floating-point
 * numbers are weights: they stay in their file, whatever their size.
 */
export function foldableConstant(weight: Weight): Constant | undefined {
  const isWeight = isMatrix(weight) && weight.element.startsWith('float')
  return isFoldable(weight) && !isWeight ? constantFromWeight(weight) : undefined
}

/** Whether a value is small enough, and of an element, to be computed at build time. */
export function isFoldable({ element, shape }: TensorType): boolean {
  return writable.has(element) && sizeOf(shape) <= FOLDED_ELEMENTS
}

/**
 * Whether a node is a product of two matrices: what a linear layer makes of fixed inputs, as DeBERTa's of its relative
 * embeddings. It stays a product even when both are known, so that the layer can be adapted.
 */
export function isMatrixProduct({ op }: Node, inputs: readonly (TensorType | undefined)[]): boolean {
  const [left, right] = inputs
  const isProduct = op === 'MatMul' || op === 'Gemm' || op === 'FusedMatMul'
  if (!isProduct || left === undefined || right === undefined) return false
  return right.shape.length === 2 && isMatrix(left) && isMatrix(right) && right.element.startsWith('float')
}

const isMatrix = ({ shape }: TensorType): boolean => shape.filter((side) => side > 1).length > 1

/** The values of a node's outputs when they do not depend on the batch and are small; undefined otherwise. */
export function fold(
  node: Node,
  inputs: readonly (OperatorInput | undefined)[],
): readonly Constant[] | undefined {
  const isShape = node.domain === '' && (node.op === 'Shape' || node.op === 'Size')
  const known = inputs.every((input) => input === undefined || input.constant !== undefined)
  if (!isShape && !known) return undefined
  const operator = operatorOf(node.op, node.domain)
  const types = operator.infer({ node, inputs })
  if (!types.every(isFoldable)) return undefined
  const constants = inputs.map((input) => input && (input.constant ?? withoutData(input)))
  return operator.evaluate(node, constants).map(rounded)
}

/** Stands for an input of which only the shape is looked at. */
function withoutData({ element, shape }: TensorType): Constant {
  return { element, shape, data: new Float64Array(0) }
}

/** float32 results are rounded after every operator, so that they equal what a runtime would have computed. */
function rounded(constant: Constant): Constant {
  return constant.element === 'float32' ? { ...constant, data: constant.data.map(Math.fround) } : constant
}

/** The graph without nodes and weights that no output needs. Inputs stay. */
export function prune(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name))
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue
    nodes.unshift(node)
    for (const name of node.inputs) needed.add(name)
  }
  const weights = new Map([...graph.weights].filter(([name]) => needed.has(name)))
  const named = new Set([...graph.inputs.map(({ name }) => name), ...weights.keys()])
  for (const { outputs } of nodes) for (const name of outputs) named.add(name)
  const types = new Map([...graph.types].filter(([name]) => named.has(name)))
  return { ...graph, nodes, weights, types }
}
