/**
 * JPEG files to pixels: baseline and progressive, grey, colour and CMYK. Colours are made as libjpeg makes them, with chroma
 * that was stored at half the width or height spread smoothly over the pixels (its "fancy upsampling"); the transform back
 * from frequencies may differ by a level of 255 or two.
 * Reference: https://github.com/libjpeg-turbo/libjpeg-turbo/blob/main/src/jdsample.c and jdcolor.c
 * @module
 */
import { decode } from 'jpeg-js'
import { type Halved, halvedPlane, smoothPlane } from './chroma.js'
import { exifOrientation, upright } from './orientation.js'
import { MAX_PIXELS, type Picture } from './png.js'

export const isJpeg = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff

/** What the segments before the first scan say. */
interface Header {
  readonly width: number
  readonly height: number
  /** Of each component: its name, and how many samples it has for the most that any has, across and down. */
  readonly components: readonly { readonly id: number; readonly across: number; readonly down: number }[]
  /** Where Adobe's segment is, which says whether colours are transformed; absent when there is none. */
  readonly adobe?: { readonly start: number; readonly end: number; readonly transform: number }
  /** Exif's: 1 when the picture is stored as it is to be seen. */
  readonly orientation: number
}

/** The pixels, turned as Exif says they are to be seen. RangeError when it is no whole JPEG, or of a kind that is not read. */
export function decodeJpeg(bytes: Uint8Array): Picture {
  const header = expectWholeJpeg(bytes)
  const { width, height, components, adobe } = header
  // Three components are asked for as they are stored; the decoder heeds Adobe's segment above all else.
  const isThree = components.length === 3
  const stored =
    isThree && adobe !== undefined
      ? Buffer.concat([bytes.subarray(0, adobe.start), bytes.subarray(adobe.end)])
      : bytes
  const rgb = decoded(stored, isThree)
  if (isThree) {
    for (const [index, { across, down }] of components.entries())
      smooth(rgb, { width, height, index, across, down })
    if (isTransformed(header)) toRgb(rgb)
  }
  return upright({ width, height, rgb }, header.orientation)
}

/** The header of a JPEG that has an end. RangeError when it has none, or a form that is not read. Its pixels are not read. */
export function expectWholeJpeg(bytes: Uint8Array): Header {
  const header = headerOf(bytes)
  const end = bytes.findLastIndex((byte, at) => byte === 0xd9 && bytes[at - 1] === 0xff)
  if (end < 0) throw new RangeError('JPEG is cut off: it has no end')
  if (header.width * header.height === 0 || header.width * header.height > MAX_PIXELS)
    throw new RangeError(`JPEG has ${header.width} x ${header.height} pixels; expected 1 to ${MAX_PIXELS}`)
  return header
}

function decoded(bytes: Uint8Array, isThree: boolean): Uint8Array {
  const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false } as const
  try {
    return decode(bytes, { ...options, ...(isThree ? { colorTransform: false } : {}) }).data
  } catch (cause) {
    const why = cause instanceof TypeError ? 'its data is damaged' : (cause as Error).message // it trips over missing tables
    throw new RangeError(`JPEG cannot be read: ${why}`, { cause })
  }
}

function headerOf(bytes: Uint8Array): Header {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let adobe: Header['adobe']
  let orientation: number | undefined
  for (let at = 2; at + 4 <= view.length; ) {
    if (view[at] !== 0xff) throw new RangeError(`JPEG expected a marker at byte ${at}`)
    const marker = view.readUInt8(at + 1)
    if (marker === 0xff) {
      at++ // a byte that fills up
      continue
    }
    const end = at + 2 + view.readUInt16BE(at + 2)
    if (end > view.length) break
    if (marker === 0xee && view.toString('latin1', at + 4, at + 9) === 'Adobe')
      adobe = { start: at, end, transform: view[at + 15] ?? 0 }
    if (marker === 0xe1 && view.toString('latin1', at + 4, at + 8) === 'Exif')
      orientation ??= exifOrientation(view.subarray(at + 4, end))
    if (isFrame(marker)) {
      const rest = { orientation: orientation ?? 1, ...(adobe === undefined ? {} : { adobe }) }
      return { ...frameOf(view, at, marker), ...rest }
    }
    at = end
  }
  throw new RangeError('JPEG is cut off before its size')
}

/** The markers of frames: 0xc0 to 0xcf, but for three that mark tables and extensions. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

function frameOf(view: Buffer, at: number, marker: number): Omit<Header, 'adobe' | 'orientation'> {
  if (marker > 0xc2) throw new RangeError('JPEG expected baseline or progressive coding; save it so')
  const depth = view.readUInt8(at + 4)
  if (depth !== 8) throw new RangeError(`JPEG expected 8 bits, got ${depth}`)
  const samples = Array.from({ length: view.readUInt8(at + 9) }, (_, index) => {
    const [id, factors] = [view.readUInt8(at + 10 + 3 * index), view.readUInt8(at + 11 + 3 * index)]
    return { id, across: factors >> 4, down: factors & 15 }
  })
  const [across, down] = [
    Math.max(...samples.map((one) => one.across)),
    Math.max(...samples.map((one) => one.down)),
  ]
  const components = samples.map((one) => ({
    id: one.id,
    across: across / one.across,
    down: down / one.down,
  }))
  return { height: view.readUInt16BE(at + 5), width: view.readUInt16BE(at + 7), components }
}

/** Whether three components are luma and chroma, as libjpeg guesses it. */
function isTransformed({ adobe, components }: Header): boolean {
  if (adobe !== undefined) return adobe.transform !== 0
  return String.fromCharCode(...components.map(({ id }) => id)) !== 'RGB'
}

/** Spreads a component that was stored at half the size, and repeated by the decoder, smoothly. */
function smooth(rgb: Uint8Array, { index, across, down, ...size }: Halved): void {
  const isKnown = across <= 2 && down <= 2 && across + down > 2
  if (isKnown)
    smoothPlane(rgb, { index, across, down, ...size }, halvedPlane(rgb, { index, across, down, ...size }))
}

const clamped = (level: number): number => Math.min(255, Math.max(0, level))

/** From luma and chroma to red, green and blue, in place, with libjpeg's numbers of 16 bits after the point. */
function toRgb(pixels: Uint8Array): void {
  const fixed = (factor: number): number => Math.round(factor * 65536)
  const [red, green1, green2, blue] = [fixed(1.402), fixed(0.344136286), fixed(0.714136286), fixed(1.772)]
  for (let at = 0; at < pixels.length; at += 3) {
    const luma = pixels[at] as number
    const [cb, cr] = [(pixels[at + 1] as number) - 128, (pixels[at + 2] as number) - 128]
    pixels[at] = clamped(luma + ((red * cr + 32768) >> 16))
    pixels[at + 1] = clamped(luma + ((-green1 * cb - green2 * cr + 32768) >> 16))
    pixels[at + 2] = clamped(luma + ((blue * cb + 32768) >> 16))
  }
}
