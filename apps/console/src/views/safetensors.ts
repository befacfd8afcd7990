/** A matrix of a safetensors file, row by row. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float32Array
}

const MOST_HEADER_BYTES = 100_000_000

/** The matrices of a safetensors file in F32, F16 or BF16. Throws RangeError for other bytes. */
export function matricesIn(file: ArrayBuffer): ReadonlyMap<string, Matrix> {
  const view = new DataView(file)
  const length = file.byteLength < 8 ? 0 : Number(view.getBigUint64(0, true))
  if (length < 2 || length > Math.min(MOST_HEADER_BYTES, file.byteLength - 8))
    throw new RangeError(
      `a safetensors file expected, got ${file.byteLength} bytes with a header of ${length}`,
    )
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length))) as Record<
    string,
    {
      readonly dtype: string
      readonly shape: readonly number[]
      readonly data_offsets: readonly [number, number]
    }
  >
  const found = new Map<string, Matrix>()
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__' || shape.length !== 2) continue
    const [rows, columns] = shape as [number, number]
    const data = valuesOf(
      new DataView(file, 8 + length + data_offsets[0], data_offsets[1] - data_offsets[0]),
      dtype,
    )
    if (data.length !== rows * columns)
      throw new RangeError(`${name}: ${rows} x ${columns} values expected, got ${data.length}`)
    found.set(name, { rows, columns, data })
  }
  return found
}

function valuesOf(view: DataView, dtype: string): Float32Array {
  if (dtype === 'F32')
    return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true))
  if (dtype === 'BF16') {
    const words = new Uint32Array(view.byteLength / 2)
    for (let i = 0; i < words.length; i++) words[i] = view.getUint16(2 * i, true) << 16
    return new Float32Array(words.buffer)
  }
  if (dtype === 'F16')
    return Float32Array.from({ length: view.byteLength / 2 }, (_, i) => half(view.getUint16(2 * i, true)))
  throw new RangeError(`F32, F16 or BF16 expected, got ${dtype}`)
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
