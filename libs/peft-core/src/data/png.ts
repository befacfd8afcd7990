/**
 * PNG files to pixels: every colour type and depth; interlaced files are refused.
 * Specification: https://www.w3.org/TR/png-3/
 * @module
 */
import { inflateSync } from 'node:zlib'

/** Pixels of 8 bits, row after row: (height, width, 3). */
export interface Picture {
  readonly height: number
  readonly width: number
  readonly rgb: Uint8Array
}

interface Header {
  readonly width: number
  readonly height: number
  readonly depth: number // bits of a sample
  readonly samples: number // of a pixel
  readonly isPalette: boolean
  readonly isGrey: boolean
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10]

/** Samples of a pixel, by colour type. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }

/** More pixels than this are no training image, but a file made to fill the memory. */
export const MAX_PIXELS = 2 ** 26

export const isPng = (bytes: Uint8Array): boolean => SIGNATURE.every((byte, at) => bytes[at] === byte)

/** Grey is spread over the three colours, and transparency is dropped, as PIL's convert("RGB") does. RangeError when it is no whole PNG. */
export function decodePng(bytes: Uint8Array): Picture {
  if (!isPng(bytes)) throw new RangeError('expected a PNG file')
  const chunks = chunksOf(bytes)
  const header = headerOf(chunks.find(({ type }) => type === 'IHDR')?.data)
  const palette = chunks.find(({ type }) => type === 'PLTE')?.data
  if (header.isPalette && palette === undefined) throw new RangeError('expected a palette in the PNG file')
  const packed = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data))
  const stride = Math.ceil((header.width * header.samples * header.depth) / 8)
  const length = (stride + 1) * header.height
  const lines = inflateSync(packed, { maxOutputLength: length + 1 })
  if (lines.length < length)
    throw new RangeError(`PNG expected ${length} bytes of lines, got ${lines.length}`)
  unfilter(lines, header, stride)
  return { width: header.width, height: header.height, rgb: colours(lines, { header, stride, palette }) }
}

/** RangeError when a PNG has no end, or a header that is not known. Its pixels are not read. */
export function expectWholePng(bytes: Uint8Array): void {
  headerOf(chunksOf(bytes).find(({ type }) => type === 'IHDR')?.data)
}

interface Chunk {
  readonly type: string
  readonly data: Uint8Array
}

function chunksOf(bytes: Uint8Array): readonly Chunk[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunks: Chunk[] = []
  for (let at = SIGNATURE.length; at + 12 <= view.length; ) {
    const length = view.readUInt32BE(at)
    const type = view.toString('latin1', at + 4, at + 8)
    if (at + 12 + length > view.length) throw new RangeError(`PNG is cut off in its chunk ${type}`)
    chunks.push({ type, data: view.subarray(at + 8, at + 8 + length) })
    if (type === 'IEND') return chunks
    at += 12 + length
  }
  throw new RangeError('PNG is cut off: it has no end')
}

function headerOf(data: Uint8Array | undefined): Header {
  if (data?.length !== 13) throw new RangeError('PNG expected a header of 13 bytes')
  const view = Buffer.from(data)
  const [width, height] = [view.readUInt32BE(0), view.readUInt32BE(4)]
  const [depth, colour, interlace] = [view.readUInt8(8), view.readUInt8(9), view.readUInt8(12)]
  const samples = samplesOf[colour]
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(depth) || width * height === 0)
    throw new RangeError(`PNG has no known colours: type ${colour}, ${depth} bits, ${width} x ${height}`)
  if (interlace !== 0) throw new RangeError('interlaced PNG files are not supported; save it without')
  if (width * height > MAX_PIXELS)
    throw new RangeError(`PNG has ${width} x ${height} pixels; expected ${MAX_PIXELS} at most`)
  return { width, height, depth, samples, isPalette: colour === 3, isGrey: colour === 0 || colour === 4 }
}

/** Undoes each line's filter in place. */
function unfilter(lines: Uint8Array, { height, samples, depth }: Header, stride: number): void {
  const step = Math.max(1, (samples * depth) / 8) // bytes to the pixel on the left
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1) + 1
    const filter = lines[start - 1] as number
    if (filter > 4) throw new RangeError(`PNG has a filter ${filter}, expected 0 to 4`)
    for (let x = 0; x < stride; x++) {
      const left = x < step ? 0 : (lines[start + x - step] as number)
      const up = y === 0 ? 0 : (lines[start + x - stride - 1] as number)
      const corner = x < step || y === 0 ? 0 : (lines[start + x - stride - 1 - step] as number)
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] as number
      lines[start + x] = (lines[start + x] as number) + guess
    }
  }
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

function colours(
  lines: Uint8Array,
  { header, stride, palette }: { header: Header; stride: number; palette: Uint8Array | undefined },
): Uint8Array {
  const { width, height, samples, depth, isPalette, isGrey } = header
  const rgb = new Uint8Array(width * height * 3)
  const sampleAt = (y: number, index: number): number => {
    const start = y * (stride + 1) + 1
    if (depth >= 8) return lines[start + (index * depth) / 8] as number // of 16 bits the upper 8
    const bit = index * depth
    const value = ((lines[start + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
    return isPalette ? value : (value * 255) / (2 ** depth - 1)
  }
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)]
    for (let colour = 0; colour < 3; colour++) {
      const sample = sampleAt(y, x * samples + (isGrey || isPalette ? 0 : colour))
      rgb[3 * at + colour] = isPalette ? (palette?.[3 * sample + colour] ?? 0) : sample
    }
  }
  return rgb
}
