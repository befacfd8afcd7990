/**
 * The forms in which the values of an update travel. A file is safetensors in each of them:
 *
 *   f32   each tensor as it is, F32           int8   the tensor as I8, and `NAME.scales` as BF16, one for 64 values
 *   bf16  each tensor as BF16                 int4   the codes as U8, two in a byte, and `NAME.scales` likewise
 *
 * All but f32 say so in the metadata of the file: `encoding`.
 * @module
 */
import { bfloat16ToFloat32, float32ToBfloat16 } from '../adapter/half.js'
import {
  blockCount,
  type CodeBits,
  codeBytes,
  dequantizeBlocks,
  quantizeBlocks,
} from '../adapter/quantize.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { type RawTensor, rawTensor, type Tensor, type TensorMap } from '../adapter/tensor.js'
import { type Element, elementBytes, sizeOf } from '../graph/graph.js'

export const updateEncodings = ['f32', 'bf16', 'int8', 'int4'] as const
/** How the values of an update travel. */
export type UpdateEncoding = (typeof updateEncodings)[number]

/** An update as it travels, and what its reader will make of it. */
export interface EncodedUpdate {
  readonly bytes: Uint8Array // safetensors
  readonly values: TensorMap // the values that the bytes stand for
  readonly sizes: ReadonlyMap<string, number> // bytes of each tensor, its scales included
}

/** What follows the name of a tensor in the name of its scales. */
export const SCALES = '.scales'

/** Bits of a code, for the encodings that have codes and scales. */
export const bitsOf: Readonly<Partial<Record<UpdateEncoding, CodeBits>>> = { int8: 8, int4: 4 }

/** The element that the values of a tensor have in a file. */
export const elementOf: Readonly<Record<UpdateEncoding, Element>> = {
  f32: 'float32',
  bf16: 'bfloat16',
  int8: 'int8',
  int4: 'uint8',
}

/** The shape that the values of a tensor have in a file. */
export function storedShape(shape: readonly number[], encoding: UpdateEncoding): readonly number[] {
  return encoding === 'int4' ? [codeBytes(sizeOf(shape), 4)] : shape
}

/** Bytes that the values of an update take in an encoding, scales included and header not. */
export function updateDataBytes(shapes: Iterable<readonly number[]>, encoding: UpdateEncoding): number {
  let sizeBytes = 0
  for (const shape of shapes) {
    sizeBytes += sizeOf(storedShape(shape, encoding)) * elementBytes[elementOf[encoding]]
    if (bitsOf[encoding] !== undefined) sizeBytes += 2 * blockCount(sizeOf(shape))
  }
  return sizeBytes
}

/**
 * An update as the bytes that travel. Rounding is to nearest, ties to even, and draws on nothing random.
 * RangeError when the name of a tensor is that of another one's scales.
 */
export function encodeUpdate(tensors: TensorMap, encoding: UpdateEncoding): EncodedUpdate {
  const parts = [...tensors].map(([name, tensor]) => ({ name, ...encodedTensor(name, tensor, encoding) }))
  const stored = new Map(parts.flatMap(({ stored }) => stored))
  if (stored.size !== parts.reduce((sum, part) => sum + part.stored.length, 0)) {
    throw new RangeError(`a tensor has the name of another one's scales, which end in "${SCALES}"`)
  }
  const metadata = { format: 'pt', lorica: 'delta', ...(encoding === 'f32' ? {} : { encoding }) }
  const total = (entries: readonly Stored[]) => entries.reduce((sum, [, { bytes }]) => sum + bytes.length, 0)
  return {
    bytes: encodeSafetensors(stored, metadata),
    values: new Map(parts.map(({ name, values }) => [name, values])),
    sizes: new Map(parts.map(({ name, stored }) => [name, total(stored)])),
  }
}

type Stored = readonly [name: string, tensor: RawTensor]

function encodedTensor(
  name: string,
  tensor: Tensor,
  encoding: UpdateEncoding,
): { readonly stored: readonly Stored[]; readonly values: Tensor } {
  const { shape, data } = tensor
  const element = elementOf[encoding]
  const bits = bitsOf[encoding]
  if (encoding === 'f32') return { stored: [[name, rawTensor(tensor)]], values: tensor }
  if (bits === undefined) {
    const halves = float32ToBfloat16(data)
    const bytes = bytesOf(halves)
    return { stored: [[name, { element, shape, bytes }]], values: { shape, data: bfloat16ToFloat32(halves) } }
  }
  const { codes, scales } = quantizeBlocks(data, bits)
  const values = { shape, data: new Float32Array(data.length) }
  dequantizeBlocks(values.data, { codes, scales: bytesOf(scales) }, bits)
  const stored: readonly Stored[] = [
    [name, { element, shape: storedShape(shape, encoding), bytes: codes }],
    [name + SCALES, { element: 'bfloat16', shape: [scales.length], bytes: bytesOf(scales) }],
  ]
  return { stored, values }
}

function bytesOf(halves: Uint16Array): Uint8Array {
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength)
}
