import type { Picture } from './png.js'

interface Size {
  readonly height: number
  readonly width: number
}

/** How much a pixel counts at a distance from a new one, and the distance from which on it does not. */
interface Kernel {
  readonly reach: number
  weight(distance: number): number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

const kernels = {
  lanczos: { reach: 3, weight: (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bilinear: { reach: 1, weight: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: (x: number) => cubic(Math.abs(x)) },
} satisfies Readonly<Record<string, Kernel>>

export type Filter = keyof typeof kernels | 'nearest'

/** Keys' convolution with a = -1/2. */
function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
}

/**
 * A picture in another size, filtered over all pixels that a new one covers, across and then down, each rounded to 8
 * bits: what PIL does (`Image.BILINEAR` and others), bit for bit.
 * Reference: https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 */
export function resize(picture: Picture, { height, width }: Size, filter: Filter = 'bilinear'): Picture {
  const { height: rows, width: columns, rgb } = picture
  if (filter === 'nearest') return nearest(picture, { height, width })
  const across =
    columns === width ? rgb : resample(rgb, { filter, lines: rows, from: columns, to: width, isDown: false })
  const down =
    rows === height
      ? across
      : resample(across, { filter, lines: width, from: rows, to: height, isDown: true })
  return { height, width, rgb: down }
}

/** Each new pixel is the old one under its middle (`Image.NEAREST`). */
function nearest({ height: rows, width: columns, rgb }: Picture, { height, width }: Size): Picture {
  const result = new Uint8Array(3 * height * width)
  const across = middles(columns, width)
  for (const [y, row] of middles(rows, height).entries()) {
    for (const [x, column] of across.entries()) {
      const from = 3 * (row * columns + column)
      result.set(rgb.subarray(from, from + 3), 3 * (y * width + x))
    }
  }
  return { height, width, rgb: result }
}

/** The old pixels under the middles of the new ones; summed up as PIL does it, whose last bit decides between two. */
function middles(from: number, to: number): readonly number[] {
  const ratio = from / to
  let middle = ratio / 2
  return Array.from({ length: to }, () => {
    const at = Math.floor(middle)
    middle += ratio
    return at
  })
}

interface Pass {
  readonly filter: keyof typeof kernels
  /** How many lines are resampled, each from `from` to `to` pixels. */
  readonly lines: number
  readonly from: number
  readonly to: number
  readonly isDown: boolean
}

/** The weight 1: PIL keeps 22 bits after the point. */
const ONE = 2 ** 22

/** To the nearest whole number, halves away from 0. */
const rounded = (value: number): number => Math.sign(value) * Math.floor(Math.abs(value) + 0.5)

function resample(rgb: Uint8Array, { filter, lines, from, to, isDown }: Pass): Uint8Array {
  const result = new Uint8Array(lines * to * 3)
  // How far apart in memory pixels along a line are, and lines.
  const [along, between] = isDown ? [3 * lines, 3] : [3, 3 * from]
  const [newAlong, newBetween] = isDown ? [3 * lines, 3] : [3, 3 * to]
  for (const [at, { first, weights }] of taps(kernels[filter], from, to).entries()) {
    for (let line = 0; line < lines; line++) {
      for (let colour = 0; colour < 3; colour++) {
        const start = line * between + first * along + colour
        let sum = ONE / 2 // to the nearest level
        for (let index = 0; index < weights.length; index++)
          sum += (weights[index] as number) * (rgb[start + index * along] as number)
        result[line * newBetween + at * newAlong + colour] = Math.min(255, Math.max(0, Math.floor(sum / ONE)))
      }
    }
  }
  return result
}

interface Taps {
  readonly first: number
  readonly weights: Float64Array // whole numbers, which sum to about ONE
}

/** For each new pixel, the old ones that it covers. */
function taps(kernel: Kernel, from: number, to: number): readonly Taps[] {
  const ratio = from / to
  const spread = Math.max(ratio, 1)
  const reach = kernel.reach * spread
  return Array.from({ length: to }, (_, at) => {
    const centre = (at + 0.5) * ratio
    const first = Math.max(0, Math.floor(centre - reach + 0.5))
    const end = Math.min(from, Math.floor(centre + reach + 0.5))
    const raw = Array.from({ length: end - first }, (_, index) =>
      kernel.weight((first + index - centre + 0.5) / spread),
    )
    const total = raw.reduce((sum, weight) => sum + weight, 0)
    return { first, weights: Float64Array.from(raw, (weight) => rounded((weight / total) * ONE)) }
  })
}
