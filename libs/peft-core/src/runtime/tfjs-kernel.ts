/**
 * What computes one operator with TensorFlow.js.
 * @module
 */
import type * as Core from '@tensorflow/tfjs-core'
import type { Element, Node, TensorType } from '../graph/graph.js'

/** TensorFlow.js, from whichever of its packages. */
export type Tfjs = typeof Core
export type Tensor = Core.Tensor

/** A node, what its inputs hold, and the types that its outputs have. */
export interface KernelCall {
  readonly tf: Tfjs
  readonly node: Node
  readonly inputs: readonly (TensorType | undefined)[]
  readonly outputs: readonly TensorType[]
  /** The value of an input; TypeError when it is omitted. */
  tensor(index: number): Tensor
  has(index: number): boolean
  /** The numbers of a small input, such as the axes of a reduction. */
  numbers(index: number): readonly number[]
}

/** Gives the outputs; their elements and shapes are made those that the graph states. */
export type Kernel = (call: KernelCall) => Tensor | readonly Tensor[]
export type Kernels = Readonly<Record<string, Kernel>>

/** How TensorFlow.js holds an element. Half precision is widened; wide integers are narrowed to 32 bits. */
export function dtypeOf(element: Element): 'float32' | 'int32' | 'bool' {
  const dtype = dtypes[element]
  if (dtype === undefined) throw new TypeError(`TensorFlow.js has no ${element}; use the runtime "ort"`)
  return dtype
}

const dtypes: Partial<Readonly<Record<Element, 'float32' | 'int32' | 'bool'>>> = {
  float32: 'float32',
  float16: 'float32',
  bfloat16: 'float32',
  int64: 'int32',
  int32: 'int32',
  int16: 'int32',
  int8: 'int32',
  uint16: 'int32',
  uint8: 'int32',
  bool: 'bool',
}

export const isHeld = (element: Element): boolean => dtypes[element] !== undefined

/** Booleans as the numbers 0 and 1; anything else as it is. */
export const countable = (tf: Tfjs, x: Tensor): Tensor => (x.dtype === 'bool' ? tf.cast(x, 'int32') : x)
