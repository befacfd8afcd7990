/**
 * The discrete Fourier transform, in place, of a length N that is a power of two.
 *
 *   F[k] = sum_j x[j] exp(-2 pi i j k / N)
 *
 * Frequencies stay in the order in which the algorithm leaves them, k with its bits reversed: who only treats each on its own
 * needs no other.
 *
 * @module
 */

/** Complex numbers as two columns of one length. */
export interface Complex {
  readonly re: Float64Array
  readonly im: Float64Array
}

/** Values to frequencies. */
export function toFrequencies({ re, im }: Complex): void {
  const size = checkedSize({ re, im })
  const { cos, sin } = roots(size)
  for (let half = size / 2; half >= 1; half /= 2) {
    const stride = size / (2 * half)
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0, at = start, other = start + half; k < half; k++, at++, other++) {
        const differenceRe = re[at] - re[other]
        const differenceIm = im[at] - im[other]
        const c = cos[k * stride]
        const s = sin[k * stride]
        re[at] += re[other]
        im[at] += im[other]
        re[other] = differenceRe * c + differenceIm * s
        im[other] = differenceIm * c - differenceRe * s
      }
    }
  }
}

/** Frequencies, in the order of `toFrequencies`, to N times the values. */
export function toValues({ re, im }: Complex): void {
  const size = checkedSize({ re, im })
  const { cos, sin } = roots(size)
  for (let half = 1; half < size; half *= 2) {
    const stride = size / (2 * half)
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0, at = start, other = start + half; k < half; k++, at++, other++) {
        const c = cos[k * stride]
        const s = sin[k * stride]
        const turnedRe = re[other] * c - im[other] * s
        const turnedIm = im[other] * c + re[other] * s
        re[other] = re[at] - turnedRe
        im[other] = im[at] - turnedIm
        re[at] += turnedRe
        im[at] += turnedIm
      }
    }
  }
}

function checkedSize({ re, im }: Complex): number {
  const size = re.length
  if (size < 2 || (size & (size - 1)) !== 0 || im.length !== size)
    throw new RangeError(`a transform expected two columns of a power of two, got ${size} and ${im.length}`)
  return size
}

/** exp(2 pi i k / size) for the first half of the circle. */
function roots(size: number): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const cos = new Float64Array(size / 2)
  const sin = new Float64Array(size / 2)
  for (let k = 0; k < size / 2; k++) {
    cos[k] = Math.cos((2 * Math.PI * k) / size)
    sin[k] = Math.sin((2 * Math.PI * k) / size)
  }
  return { cos, sin }
}
