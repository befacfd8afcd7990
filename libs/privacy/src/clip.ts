/**
 * Clipping in the L2 norm, over all tensors of an update jointly: https://arxiv.org/abs/1710.06963 (flat clipping).
 *
 *   norm = sqrt(sum of x^2 over every element of every tensor)       factor = min(1, maxNorm / norm)
 *
 * @module
 */

/** Numbers with a shape, row-major. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface Clipped {
  /** The tensors times `factor`; the same arrays when nothing had to change. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** L2 norm of what came in. */
  readonly norm: number
  /** What every element was multiplied by: 1 when the norm was within the bound. */
  readonly factor: number
}

/**
 * Scales tensors down so that their joint L2 norm is at most `maxNorm`; `null` asks for the norm only.
 * The result is within the bound after rounding to 32 bits, so a receiver may compare without a margin.
 * Throws RangeError when `maxNorm` is not above 0, or when a tensor (it is named) holds NaN or infinity.
 */
export function clip(tensors: ReadonlyMap<string, Tensor>, maxNorm: number | null): Clipped {
  if (maxNorm !== null && !(maxNorm > 0))
    throw new RangeError(`maxNorm expected a number above 0, got ${maxNorm}`)
  const norm = jointNorm(tensors)
  if (maxNorm === null || norm <= maxNorm) return { tensors, norm, factor: 1 }
  let factor = maxNorm / norm
  let scaled = scale(tensors, factor)
  while (jointNorm(scaled) > maxNorm) {
    factor *= 1 - 2 ** -24 // rounding to 32 bits can move the norm above the bound by about this much
    scaled = scale(tensors, factor)
  }
  return { tensors: scaled, norm, factor }
}

/** L2 norm over every element of every tensor, summed in 64 bits. Throws RangeError when an element is not finite. */
export function jointNorm(tensors: ReadonlyMap<string, Tensor>): number {
  let sumOfSquares = 0
  for (const [name, { data }] of tensors) {
    let sum = 0
    for (const x of data) sum += x * x
    if (!Number.isFinite(sum))
      throw new RangeError(`tensor "${name}" expected finite numbers, got ${firstBad(data)}`)
    sumOfSquares += sum
  }
  return Math.sqrt(sumOfSquares)
}

function scale(tensors: ReadonlyMap<string, Tensor>, factor: number): ReadonlyMap<string, Tensor> {
  return new Map(
    [...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x * factor) }]),
  )
}

function firstBad(data: Float32Array): string {
  const index = data.findIndex((x) => !Number.isFinite(x))
  return `${data[index]} at element ${index}`
}
