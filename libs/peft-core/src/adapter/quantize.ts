/**
 * Whole numbers of 8 or 4 bits for blocks of float32 values: value = code * scale, one scale for 64 values.
 *
 *   scale = bfloat16(max |x| / most), most = 127 or 7        code = x / scale, to nearest, ties to even
 *
 * Rounding is deterministic, so the same values are the same bytes on every machine, and |x - code * scale| <= scale / 2.
 * A scale has 8 significant bits and a code at most 7, so code * scale is exact in float32: whoever reads the codes gets the
 * same numbers. A block whose scale would lie below 2^-126 is all zeros. Blocks: https://arxiv.org/abs/2110.02861, section 2.1.
 * @module
 */
import { bfloat16ToFloat32, float32ToBfloat16 } from './half.js'

/** Bits of one code. */
export type CodeBits = 8 | 4

/** Values that share a scale. */
export const BLOCK_VALUES = 64

export interface Blocks {
  readonly codes: Uint8Array // 8 bits: two's complement; 4 bits: code + 8, the first of two values in the low half
  readonly scales: Uint16Array // bfloat16, one for each block
}

const SMALLEST_SCALE = 2 ** -126
const TO_WHOLE = 1.5 * 2 ** 52 // adding and subtracting it rounds a float64 to the nearest whole number, ties to even

/** Bytes of the codes of `count` values. */
export function codeBytes(count: number, bits: CodeBits): number {
  return Math.ceil((count * bits) / 8)
}

/** Scales of `count` values. */
export function blockCount(count: number): number {
  return Math.ceil(count / BLOCK_VALUES)
}

/** Rounds finite values to blocks of codes. */
export function quantizeBlocks(values: Float32Array, bits: CodeBits): Blocks {
  const most = 2 ** (bits - 1) - 1
  const scales = scalesOf(values, most)
  const exact = bfloat16ToFloat32(scales)
  const codes = new Uint8Array(codeBytes(values.length, bits)).fill(bits === 4 ? 0x88 : 0)
  for (let index = 0; index < values.length; index++) {
    const scale = exact[Math.floor(index / BLOCK_VALUES)] as number
    if (scale === 0) continue
    const nearest = (values[index] as number) / scale + TO_WHOLE - TO_WHOLE
    const code = Math.max(-most, Math.min(most, nearest))
    if (bits === 8) codes[index] = code
    else setHalf(codes, index, code + 8)
  }
  return { codes, scales }
}

/** The values of codes that begin at a block; `bytes` are the codes and the little-endian scales as they lie in a file. */
export function dequantizeBlocks(
  into: Float32Array,
  bytes: { readonly codes: Uint8Array; readonly scales: Uint8Array },
  bits: CodeBits,
): void {
  const { codes, scales } = bytes
  const exact = bfloat16ToFloat32(new Uint16Array(new Uint8Array(scales).buffer))
  for (let index = 0; index < into.length; index++) {
    const byte = codes[bits === 8 ? index : index >>> 1] as number
    const code = bits === 8 ? (byte << 24) >> 24 : ((index & 1 ? byte >>> 4 : byte) & 15) - 8
    into[index] = code * (exact[Math.floor(index / BLOCK_VALUES)] as number)
  }
}

function scalesOf(values: Float32Array, most: number): Uint16Array {
  const scales = new Float32Array(blockCount(values.length))
  for (let block = 0; block < scales.length; block++) {
    const end = Math.min(values.length, (block + 1) * BLOCK_VALUES)
    let largest = 0
    for (let index = block * BLOCK_VALUES; index < end; index++) {
      largest = Math.max(largest, Math.abs(values[index] as number))
    }
    scales[block] = largest / most < SMALLEST_SCALE ? 0 : largest / most
  }
  return float32ToBfloat16(scales)
}

function setHalf(codes: Uint8Array, index: number, half: number): void {
  const at = index >>> 1
  const byte = codes[at] as number
  codes[at] = index & 1 ? (byte & 0x0f) | (half << 4) : (byte & 0xf0) | half
}
