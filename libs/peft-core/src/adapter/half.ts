/**
 * Half-precision floats: float16 (1 sign, 5 exponent, 10 fraction bits) and bfloat16 (the upper half of a float32).
 * Rounding is to nearest, ties to even. Spec: IEEE 754-2019, section 3.6.
 * @module
 */

const scratch = new DataView(new ArrayBuffer(4))

/** bfloat16 bits -> float32; exact. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  return new Float32Array(converted(new Uint32Array(bits.length), bits, (half) => half << 16).buffer)
}

/** float32 -> bfloat16 bits, to nearest even. Every NaN becomes 0x7fc0. */
export function float32ToBfloat16(values: Float32Array): Uint16Array {
  return converted(new Uint16Array(values.length), bitsOf(values), (bits) => {
    if ((bits & 0x7fffffff) >>> 0 > 0x7f800000) return 0x7fc0
    return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
  })
}

/** float16 bits -> float32; exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  return converted(new Float32Array(bits.length), bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >>> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0) return sign * fraction * 2 ** -24
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  })
}

/** float32 -> float16 bits, to nearest even; beyond 65504 (rounded) is infinity. Every NaN becomes 0x7e00 with its sign. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  return converted(new Uint16Array(values.length), bitsOf(values), (bits) => {
    const sign = (bits >>> 16) & 0x8000
    const magnitude = bits & 0x7fffffff
    if (magnitude > 0x7f800000) return sign | 0x7e00
    if (magnitude >= 0x477ff000) return sign | 0x7c00 // 65520 and more
    if (magnitude < 0x38800000) return sign | subnormal(magnitude) // below 2^-14
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  })
}

/** A typed array's own `from` with a function takes many times the array's memory. */
function converted<To extends Float32Array | Uint32Array | Uint16Array>(
  to: To,
  from: Uint32Array | Uint16Array,
  convert: (bits: number) => number,
): To {
  for (let index = 0; index < from.length; index++) to[index] = convert(from[index] as number)
  return to
}

/** Adding 0.5 leaves the value in units of 2^-24 in the low bits, rounded to nearest even by the addition itself. */
function subnormal(magnitude: number): number {
  scratch.setUint32(0, magnitude)
  scratch.setFloat32(0, scratch.getFloat32(0) + 0.5)
  return scratch.getUint32(0) - 0x3f000000
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length)
}
