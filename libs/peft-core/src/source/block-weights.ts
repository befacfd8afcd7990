/**
 * Matrices stored as blocks of small integers: w = (q - zero point) scale, with a scale and a zero point for each block of
 * a row, packed as `MatMulNBits` reads them.
 * Spec: MatMulNBits in https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 *
 * Sizes used below: O = outputs, I = inputs, S = numbers in a block, K = I / S blocks of a row.
 * @module
 */

export interface BlockFormat {
  readonly bits: 4 | 8
  /** Numbers in a block: a power of two, 16 or more. */
  readonly blockSize: number
  /** Without zero points: the integers stand for numbers around zero. */
  readonly symmetric: boolean
}

export interface BlockMatrix {
  readonly packed: Uint8Array // (O, K, S bits / 8), the first number in the low bits
  readonly scales: Float32Array // (O, K)
  readonly zeroPoints: Uint8Array | undefined // (O, ceil(K bits / 8))
}

/** The tensors that stand for a weight in a folder, by the weight's name. */
export const blockNames = (weight: string, bits: 4 | 8) => ({
  packed: `${weight}.q${bits}`,
  scales: `${weight}.q${bits}_scales`,
  zeroPoints: `${weight}.q${bits}_zero_points`,
})

/**
 * Rounds a matrix (O, I) to blocks. Each block's range, or when symmetric its number of greatest magnitude, takes all of
 * the integers; zero stays zero. RangeError unless the blocks fill the rows.
 */
export function toBlocks(
  matrix: Float32Array,
  [outputs, inputs]: readonly [number, number],
  { bits, blockSize, symmetric }: BlockFormat,
): BlockMatrix {
  if (inputs % blockSize !== 0)
    throw new RangeError(`expected rows of whole blocks of ${blockSize}, got rows of ${inputs}`)
  const blocks = inputs / blockSize
  const perByte = 8 / bits
  const highest = 2 ** bits - 1
  const packed = new Uint8Array((outputs * inputs) / perByte)
  const scales = new Float32Array(outputs * blocks)
  const zeroRow = Math.ceil(blocks / perByte)
  const zeroPoints = symmetric ? undefined : new Uint8Array(outputs * zeroRow)
  const put = (bytes: Uint8Array, at: number, value: number): void => {
    const byte = Math.floor(at / perByte)
    bytes[byte] = (bytes[byte] as number) | (value << (bits * (at % perByte)))
  }
  for (let block = 0; block < outputs * blocks; block++) {
    const start = block * blockSize
    const { scale, zero } = blockRange(matrix, start, { bits, blockSize, symmetric })
    scales[block] = scale
    const inverse = scale === 0 ? 0 : 1 / scale
    for (let at = start; at < start + blockSize; at++) {
      const q = Math.round((matrix[at] as number) * inverse) + zero
      put(packed, at, q < 0 ? 0 : q > highest ? highest : q)
    }
    if (zeroPoints !== undefined) {
      const [row, place] = [Math.floor(block / blocks), block % blocks]
      put(zeroPoints, row * zeroRow * perByte + place, zero)
    }
  }
  return { packed, scales, zeroPoints }
}

function blockRange(
  matrix: Float32Array,
  start: number,
  { bits, blockSize, symmetric }: BlockFormat,
): { readonly scale: number; readonly zero: number } {
  let least = 0
  let most = 0
  for (let at = start; at < start + blockSize; at++) {
    const value = matrix[at] as number
    if (value < least) least = value
    if (value > most) most = value
  }
  const middle = 2 ** (bits - 1)
  if (symmetric) return { scale: Math.fround((-least > most ? -least : -most) / middle), zero: middle }
  const scale = Math.fround((most - least) / (2 ** bits - 1))
  return { scale, zero: scale === 0 ? middle : Math.round(-least / scale) }
}
