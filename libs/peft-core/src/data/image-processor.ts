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
const filters: Readonly<Record<number, Filter>> = {
  0: 'nearest',
  1: 'lanczos',
  2: 'bilinear',
  3: 'bicubic',
}

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
  const fields: Fields = { ...usual, ...(JSON.parse(text) as Fields) }
  const refused = ['do_center_crop', 'do_pad'].find((name) => fields[name] === true)
  if (refused !== undefined) throw new RangeError(`${file}: ${refused} is not supported`)
  const filter = filters[Number(fields.resample)]
  if (filter === undefined)
    throw new RangeError(
      `${file}: resample ${String(fields.resample)} is not supported; expected 0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)`,
    )
  const { channels } = size
  if (channels !== 3 && channels !== 1)
    throw new RangeError(`the model takes ${channels} channels; pictures have 3, or 1 in grey`)
  return {
    size,
    ...(fields.do_resize ? { filter } : {}),
    scale: fields.do_rescale ? Number(fields.rescale_factor) : 1,
    mean: fields.do_normalize
      ? numbers(fields.image_mean, { name: 'image_mean', file, channels })
      : [0, 0, 0],
    deviation: fields.do_normalize
      ? numbers(fields.image_std, { name: 'image_std', file, channels })
      : [1, 1, 1],
  }
}

interface Place {
  readonly name: string
  readonly file: string
  readonly channels: number
}

/** A number for each channel; one for all; or a half. */
function numbers(value: unknown, { name, file, channels }: Place): readonly number[] {
  const all = value === undefined || value === null ? 0.5 : value
  const list: readonly unknown[] = Array.isArray(all) ? all : new Array<unknown>(channels).fill(all)
  if (list.length === channels && list.every(Number.isFinite)) return list as number[]
  throw new RangeError(
    `${file}: ${name} expected a number for each channel (${channels}), got ${JSON.stringify(value)}`,
  )
}

/** Luma in all three colours, as PIL makes it of RGB (`convert('L')`): ITU-R 601-2 with 16 bits after the point. */
function grey({ height, width, rgb }: Picture): Picture {
  const result = new Uint8Array(rgb.length)
  for (let at = 0; at < rgb.length; at += 3) {
    const [red, green, blue] = [rgb[at] as number, rgb[at + 1] as number, rgb[at + 2] as number]
    result.fill((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16, at, at + 3)
  }
  return { height, width, rgb: result }
}

/** The pixels (C, H, W) of a picture, of its luma with one channel, into `pixels` from `start` on. RangeError when it has another size and is not to be resized. */
export function processImage(
  picture: Picture,
  { size, filter, scale, mean, deviation }: ImageProcessor,
  { pixels, start }: { readonly pixels: Float32Array; readonly start: number },
): void {
  if (filter === undefined && (picture.height !== size.height || picture.width !== size.width))
    throw new RangeError(
      `expected ${size.width} x ${size.height} pixels, as do_resize is false, got ${picture.width} x ${picture.height}`,
    )
  const { rgb } = resize(size.channels === 1 ? grey(picture) : picture, size, filter)
  const area = size.height * size.width
  for (let at = 0; at < area; at++) {
    for (let channel = 0; channel < size.channels; channel++) {
      const scaled = scale * (rgb[3 * at + channel] as number)
      pixels[start + channel * area + at] =
        (scaled - (mean[channel] as number)) / (deviation[channel] as number)
    }
  }
}
