/**
 * What an operator is, apart from how a runtime computes it: the types it gives, and its value in float64.
 * @module
 */
import type { Node, TensorType } from '../graph/graph.js'

/** A value held in memory as float64, whatever its element (integers up to 2^53 are exact; booleans are 0 and 1). */
export interface Constant extends TensorType {
  readonly data: Float64Array
}

export interface OperatorInput extends TensorType {
  /** Present when the value is known before the graph runs. */
  readonly constant?: Constant
}

/** A node with what is known of its inputs; an omitted optional input is undefined. */
export interface OperatorCall {
  readonly node: Pick<Node, 'op' | 'attributes' | 'outputs' | 'name'>
  readonly inputs: readonly (OperatorInput | undefined)[]
}

export interface Operator {
  /** The types of the outputs. Throws RangeError or TypeError, naming what was expected, when the inputs do not fit. */
  readonly infer: (call: OperatorCall) => readonly TensorType[]
  /** The outputs' values in float64, for constant folding and as the reference that other runtimes are held against. */
  readonly evaluate: (
    node: OperatorCall['node'],
    inputs: readonly (Constant | undefined)[],
  ) => readonly Constant[]
}

export type Operators = Readonly<Record<string, Operator>>

/** The input at a position, or a TypeError that names the operator. */
export function required<T>(inputs: readonly (T | undefined)[], index: number, op: string): T {
  const input = inputs[index]
  if (input === undefined) throw new TypeError(`${op} expects input ${index}; it is missing`)
  return input
}

/** The integers of a constant input; TypeError when the value is only known at run time. */
export function constantInts(input: OperatorInput | undefined, what: string): readonly number[] {
  if (input?.constant === undefined) throw new TypeError(`${what} must be known before the graph runs`)
  return Array.from(input.constant.data)
}
