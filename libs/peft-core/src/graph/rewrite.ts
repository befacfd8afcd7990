/**
 * What a rule that rewrites a node of an ONNX model sees and gives.
 * @module
 */
import type { Constant } from '../operators/operator.js'
import type { Attributes, Element, Node, TensorType } from './graph.js'
import { OnnxError } from './onnx-error.js'
import type { OnnxNode } from './onnx-model.js'

/** What is known where a node stands. */
export interface Surroundings {
  /** The version of the node's operator set. */
  readonly version: number
  typeOf(name: string): TensorType
  constantOf(name: string): Constant | undefined
  /** The name of a constant with these values: an int64 vector (a scalar, of one number) unless stated otherwise. */
  constant(values: number | readonly number[], element?: Element, shape?: readonly number[]): string
}

/** An attribute or input that a rewrite does not know how to keep the meaning of. */
export function refuse(node: OnnxNode, what: string): never {
  const place = node.name === '' ? (node.outputs[0] ?? '') : node.name
  const operator = `${node.domain === '' ? '' : `${node.domain}.`}${node.op}`
  throw new OnnxError('unsupported', `${operator} "${place}": ${what}`)
}

export type NewNode = Omit<Node, 'name'>
export type Rewrite = (node: OnnxNode, around: Surroundings) => readonly NewNode[]

export const isDomain = (domain: string): domain is Node['domain'] =>
  domain === '' || domain === 'com.microsoft'

/** The node itself, without what only its file needs. */
export function asIs(node: OnnxNode, changes: Partial<NewNode> = {}): NewNode {
  const { op, inputs, outputs, attributes } = node
  const domain = isDomain(node.domain) ? node.domain : ''
  return { op, domain, inputs, outputs, attributes, ...changes }
}

/** A node of the standard domain. */
export function standard(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): NewNode {
  return { op, domain: '', inputs, outputs, attributes }
}
