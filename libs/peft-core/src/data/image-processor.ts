/**
 * From a picture to what a model is fed, as preprocessor_config.json says.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageSize } from '../train/batch.js'
import type { Picture } from './png.js'
import { type Filter, resize } from './resize.js'

export interface ImageProcessor {
  readonly size: ImageSize
  /** How pictures of another size are brought to it; absent, they are refused. */
  readonly filter?: Filter
  /** What a pixel of 0 to 255 is multiplied with. */
  readonly scale: number
  readonly mean: readonly number[] // by channel, after scaling
  readonly deviation: readonly number[]
}

/** PIL's numbers of the filters. */
const filters: Readonly<Record<number, Filter>> = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' }

type Fields = Readonly<Record<string, unknown>>

/** What ViT's processor does unless its file says otherwise. */
const usual = { do_resize: true, do_rescale: true, rescale_factor: 1 / 255, do_normalize: true, resample: 2 }

/** Reads the processor of a model's folder, for the images that the model takes; without a file, that of ViT. RangeError names the field that asks for what is not built. */
export async function readImageProcessor(folder: string, size: ImageSize): Promise<ImageProcessor> {
  const file = join(folder, 'preprocessor_config.json')
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '{}'
    throw cause
  })
  const fields = { ...usual, ...(JSON.parse(text) as Fields) }
  const refused = ['do_center_crop', 'do_pad'].find((name) => (fields as Fields)[name] === true)
  if (refused !== undefined) throw new RangeError(`${file}: ${refused} is not supported`)
  const filter = filters[Number(fields.resample)]
  if (filter === undefined)
    throw new RangeError(
      `${file}: resample ${String(fields.resample)} is not supported; expected 1 (Lanczos), 2 (bilinear) or 3 (bicubic)`,
    )
  if (size.channels !== 3) throw new RangeError(`the model takes ${size.channels} channels; pictures have 3`)
  return {
    size,
    ...(fields.do_resize ? { filter } : {}),
    scale: fields.do_rescale ? Number(fields.rescale_factor) : 1,
    mean: fields.do_normalize ? numbers(fields as Fields, 'image_mean', file) : [0, 0, 0],
    deviation: fields.do_normalize ? numbers(fields as Fields, 'image_std', file) : [1, 1, 1],
  }
}

function numbers(fields: Fields, name: string, file: string): readonly number[] {
  const value = fields[name] ?? [0.5, 0.5, 0.5]
  if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)) return value as number[]
  throw new RangeError(`${file}: ${name} expected three numbers, got ${JSON.stringify(value)}`)
}

/** The pixels (3, H, W) of a picture, into `pixels` from `start` on. RangeError when it has another size and is not to be resized. */
export function processImage(
  picture: Picture,
  { size, filter, scale, mean, deviation }: ImageProcessor,
  { pixels, start }: { readonly pixels: Float32Array; readonly start: number },
): void {
  if (filter === undefined && (picture.height !== size.height || picture.width !== size.width))
    throw new RangeError(
      `expected ${size.width} x ${size.height} pixels, as do_resize is false, got ${picture.width} x ${picture.height}`,
    )
  const { rgb } = resize(picture, size, filter)
  const area = size.height * size.width
  for (let at = 0; at < area; at++) {
    for (let channel = 0; channel < 3; channel++) {
      const scaled = scale * (rgb[3 * at + channel] as number)
      pixels[start + channel * area + at] =
        (scaled - (mean[channel] as number)) / (deviation[channel] as number)
    }
  }
}
