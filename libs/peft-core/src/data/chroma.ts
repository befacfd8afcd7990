/**
 * Colour that was stored at half the width or height, spread smoothly: each new sample is three parts of the nearest and one
 * part of the next, in each direction.
 * Reference: h2v1_fancy_upsample, h1v2_fancy_upsample and h2v2_fancy_upsample of
 * https://github.com/libjpeg-turbo/libjpeg-turbo/blob/main/src/jdsample.c
 * @module
 */

/** One of three interleaved components of a picture, and how many pixels each of its samples stands for. */
export interface Halved {
  readonly width: number
  readonly height: number
  readonly index: number
  readonly across: number // 1 or 2
  readonly down: number // 1 or 2
}

/** Samples at the size that they were stored at. */
export interface Plane {
  readonly columns: number
  readonly rows: number
  readonly samples: Uint8Array
}

/** The stored samples, from pixels that repeat them. */
export function halvedPlane(pixels: Uint8Array, { width, height, index, across, down }: Halved): Plane {
  const [columns, rows] = [Math.ceil(width / across), Math.ceil(height / down)]
  const samples = new Uint8Array(columns * rows)
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++)
      samples[y * columns + x] = pixels[3 * (y * down * width + x * across) + index] as number
  return { columns, rows, samples }
}

/** Writes a component over the pixels that repeat it. Lines of one or two samples are not spread across, as in libjpeg. */
export function smoothPlane(pixels: Uint8Array, halved: Halved, plane: Plane): void {
  const { width, height, index, down } = halved
  const isWide = halved.across === 2 && plane.columns > 2
  if (halved.across === 2 && !isWide) return
  const line = new Int32Array(plane.columns)
  for (let y = 0; y < height; y++) {
    sumDown(line, plane, y, down)
    for (let x = 0; x < width; x++)
      pixels[3 * (y * width + x) + index] = isWide ? across(line, x, down) : alone(line, x, down, y)
  }
}

/** Of a line of pixels, the samples above and below it: 3 near + 1 far, of 4; or the samples themselves, of 1. */
function sumDown(line: Int32Array, { columns, rows, samples }: Plane, y: number, down: number): void {
  const near = down === 2 ? y >> 1 : y
  const far = down === 2 ? Math.min(rows - 1, Math.max(0, near + (y % 2 === 0 ? -1 : 1))) : near
  for (let x = 0; x < columns; x++) {
    const sample = samples[near * columns + x] as number
    line[x] = down === 2 ? 3 * sample + (samples[far * columns + x] as number) : sample
  }
}

/** Where libjpeg rounds: up at even pixels and down at odd ones of two directions, the other way of one. */
function across(line: Int32Array, x: number, down: number): number {
  const near = line[x >> 1] as number
  const next = line[(x >> 1) + (x % 2 === 0 ? -1 : 1)] ?? near
  const rounding = down === 2 ? (x % 2 === 0 ? 8 : 7) : x % 2 === 0 ? 1 : 2
  return (3 * near + next + rounding) >> (down === 2 ? 4 : 2)
}

const alone = (line: Int32Array, x: number, down: number, y: number): number =>
  down === 2 ? ((line[x] as number) + (y % 2 === 0 ? 1 : 2)) >> 2 : (line[x] as number)
