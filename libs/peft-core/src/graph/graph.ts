/**
 * A computation as a list of operators in topological order. Every value has a static type: element and shape.
 * Operators have the meaning of ONNX operator set 21 and of a few `com.microsoft` ones.
 * Spec: https://onnx.ai/onnx/repo-docs/IR.html
 * @module
 */

export type Element =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint64'
  | 'uint32'
  | 'uint16'
  | 'uint8'
  | 'uint4'
  | 'int4'
  | 'bool'
  | 'string'

/** What a value is: its element and its sizes, outermost first. A scalar has the shape `[]`. */
export interface TensorType {
  readonly element: Element
  readonly shape: readonly number[]
}

/** A named value of a graph: an input, a weight or the output of a node. */
export interface Value extends TensorType {
  readonly name: string
}

export interface FileRange {
  readonly path: string
  readonly offset: number
  readonly length: number
}

/**
 * Where the little-endian bytes of a weight are: in memory (and where they were read from, when that is known), or at a byte
 * range of a file that is used in place.
 */
export type WeightData =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly from?: FileRange }
  | ({ readonly kind: 'file' } & FileRange)

/** A frozen value of a graph. */
export interface Weight extends Value {
  readonly data: WeightData
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: Weight }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }

export type Attributes = Readonly<Record<string, Attribute>>

/**
 * One operator. An omitted optional input or output is the empty name. `module` is the path of the layer it came from.
 * No gradient passes a `detached` node: the loss is differentiated as if its outputs were constants.
 */
export interface Node {
  readonly name: string
  readonly op: string
  readonly domain: '' | 'com.microsoft'
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
  readonly module?: string
  readonly detached?: boolean
}

export interface Graph {
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
  readonly weights: ReadonlyMap<string, Weight>
  readonly nodes: readonly Node[]
  /** The type of every named value: inputs, weights and node outputs. */
  readonly types: ReadonlyMap<string, TensorType>
}

/** Whether an attribute is a note for Lorica alone, of which a runtime is not told. */
export const isNote = (name: string): boolean => name.startsWith('lorica.')

export const int = (value: number): Attribute => ({ kind: 'int', value })
export const float = (value: number): Attribute => ({ kind: 'float', value })
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value })
export const text = (value: string): Attribute => ({ kind: 'string', value })

/** The number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1)
}

/** Bytes of one element. */
export const elementBytes: Readonly<Record<Element, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  uint4: 0.5, // two in a byte, the first in the low half
  int4: 0.5,
  bool: 1,
  string: 0,
}

export function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((side, axis) => side === right[axis])
}

/** The shape that two shapes broadcast to, as ONNX and NumPy do it; RangeError when they do not fit. */
export function broadcastShape(left: readonly number[], right: readonly number[]): readonly number[] {
  const rank = Math.max(left.length, right.length)
  return Array.from({ length: rank }, (_, axis) => {
    const a = left[left.length - rank + axis] ?? 1
    const b = right[right.length - rank + axis] ?? 1
    if (a !== b && a !== 1 && b !== 1) {
      throw new RangeError(
        `shapes (${left.join(', ')}) and (${right.join(', ')}) do not broadcast at axis ${axis}`,
      )
    }
    return a === 1 ? b : a
  })
}

/** An attribute's integer, or `otherwise` when the node does not have it. */
export function intOf(node: Pick<Node, 'attributes'>, name: string, otherwise: number): number {
  const attribute = node.attributes[name]
  return attribute?.kind === 'int' ? attribute.value : otherwise
}

export function floatOf(node: Pick<Node, 'attributes'>, name: string, otherwise: number): number {
  const attribute = node.attributes[name]
  return attribute?.kind === 'float' || attribute?.kind === 'int' ? attribute.value : otherwise
}

export function intsOf(node: Pick<Node, 'attributes'>, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name]
  return attribute?.kind === 'ints' ? attribute.value : undefined
}

export function textOf(node: Pick<Node, 'attributes'>, name: string, otherwise: string): string {
  const attribute = node.attributes[name]
  return attribute?.kind === 'string' ? attribute.value : otherwise
}

/** An axis counted from the front; RangeError when the rank has no such axis. */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank) throw new RangeError(`axis ${axis} does not exist in rank ${rank}`)
  return positive
}
