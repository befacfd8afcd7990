/**
 * Numbers with sizes: as float32 to compute with, and as little-endian bytes of any element to store.
 * @module
 */
import { elementBytes, sizeOf, type TensorType } from '../graph/graph.js'

/** A float32 array with its sizes, outermost first. A scalar has the shape `[]`. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Tensors by name. */
export type TensorMap = ReadonlyMap<string, Tensor>

/** A tensor as it lies in a file: little-endian bytes, outermost axis first. */
export interface RawTensor extends TensorType {
  readonly bytes: Uint8Array
}

/** The bytes of a float32 tensor, not copied. RangeError when the data does not fill the shape. */
export function rawTensor(tensor: Tensor): RawTensor {
  const { shape, data } = tensor
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(
      `a tensor of shape (${shape.join(', ')}) expected ${sizeOf(shape)} values, got ${data.length}`,
    )
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { element: 'float32', shape, bytes }
}

/** Bytes that a tensor of this type takes. RangeError when that is no safe integer. */
export function tensorBytes({ element, shape }: TensorType): number {
  const sizeBytes = sizeOf(shape) * elementBytes[element]
  if (!Number.isSafeInteger(sizeBytes)) {
    throw new RangeError(`shape (${shape.join(', ')}) of ${element} has too many values`)
  }
  return sizeBytes
}
