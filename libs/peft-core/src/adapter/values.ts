/**
 * Stored bytes as numbers to compute with.
 * @module
 */
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.js'
import { type RawTensor, rawTensor, type Tensor } from './tensor.js'

/** Floating-point values as float32 (float64 is rounded). TypeError when the tensor holds no floating-point values. */
export function floatTensor({ element, shape, bytes }: RawTensor): Tensor {
  const buffer = aligned(bytes)
  switch (element) {
    case 'float32':
      return { shape, data: new Float32Array(buffer) }
    case 'float16':
      return { shape, data: float16ToFloat32(new Uint16Array(buffer)) }
    case 'bfloat16':
      return { shape, data: bfloat16ToFloat32(new Uint16Array(buffer)) }
    case 'float64':
      return { shape, data: Float32Array.from(new Float64Array(buffer)) }
    default:
      throw new TypeError(`expected float32, float16, bfloat16 or float64 values, got ${element}`)
  }
}

/** Whole numbers as int32; booleans as 0 and 1. RangeError when a value does not fit, TypeError for other elements. */
export function integerValues({ element, bytes }: RawTensor): Int32Array {
  const buffer = aligned(bytes)
  switch (element) {
    case 'int64':
      return Int32Array.from(new BigInt64Array(buffer), (value) => fitting(Number(value)))
    case 'uint32':
      return Int32Array.from(new Uint32Array(buffer), fitting)
    case 'int32':
      return new Int32Array(buffer)
    case 'int16':
      return Int32Array.from(new Int16Array(buffer))
    case 'int8':
      return Int32Array.from(new Int8Array(buffer))
    case 'uint8':
    case 'bool':
      return Int32Array.from(new Uint8Array(buffer))
    default:
      throw new TypeError(`expected int64, int32, int16, int8, uint32, uint8 or bool values, got ${element}`)
  }
}

/** A float32 tensor stored as `element`, rounded to nearest even. */
export function storedAs(tensor: Tensor, element: 'float32' | 'float16' | 'bfloat16'): RawTensor {
  const raw = rawTensor(tensor)
  if (element === 'float32') return raw
  const bits = element === 'float16' ? float32ToFloat16(tensor.data) : float32ToBfloat16(tensor.data)
  return { element, shape: tensor.shape, bytes: new Uint8Array(bits.buffer) }
}

function fitting(value: number): number {
  if (value !== (value | 0)) throw new RangeError(`expected a whole number of 32 bits, got ${value}`)
  return value
}

/** A copy, because bytes of a file may begin anywhere and typed arrays may not. (A Buffer's own `slice` does not copy.) */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
