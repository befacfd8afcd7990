/**
 * Images of a folder as batches: a sub-folder for each class, read as they are needed.
 * @module
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageBatch } from '../train/batch.js'
import type { TrainingOrder } from '../train/batches.js'
import { createRandom, shuffled } from '../train/random.js'
import { type ImageProcessor, processImage } from './image-processor.js'
import { decodePng } from './png.js'

export interface ImageFolder {
  /** The classes, by name; a label is a place in this list. */
  readonly labels: readonly string[]
  readonly images: readonly { readonly path: string; readonly label: number }[]
}

/**
 * Lists the images of a folder, without reading them. `labels` are the classes that the model knows; absent, the names of
 * the sub-folders, sorted. RangeError for a sub-folder of another name, for a file that is no PNG, and for no image at all.
 */
export async function listImages(folder: string, labels?: readonly string[]): Promise<ImageFolder> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
  const classes = labels ?? names
  const images: { path: string; label: number }[] = []
  for (const name of names) {
    const label = classes.indexOf(name)
    if (label < 0)
      throw new RangeError(`${join(folder, name)}: expected a class of ${classes.join(', ')}, got "${name}"`)
    for (const file of (await readdir(join(folder, name))).sort()) {
      if (file.startsWith('.')) continue
      if (!/\.png$/i.test(file)) throw new RangeError(`${join(folder, name, file)}: expected a .png file`)
      images.push({ path: join(folder, name, file), label })
    }
  }
  if (images.length === 0)
    throw new RangeError(`${folder}: expected a sub-folder of .png files for each class, got no image`)
  return { labels: classes, images }
}

/** Batches to train on: each epoch takes every image once, in an order that depends on the seed and the epoch alone. */
export async function* trainingImages(
  folder: ImageFolder,
  processor: ImageProcessor,
  { rows, steps, seed, firstStep }: TrainingOrder,
): AsyncGenerator<ImageBatch> {
  const count = folder.images.length
  let epoch = -1
  let order: Int32Array = new Int32Array()
  for (let step = 0; step < steps; step++) {
    const chosen: number[] = []
    for (let position = (firstStep + step) * rows; chosen.length < rows; position++) {
      const wanted = Math.floor(position / count)
      if (wanted !== epoch) order = shuffled(count, createRandom(seed, `epoch ${wanted}`))
      epoch = wanted
      chosen.push(order[position % count] as number)
    }
    yield await imageBatch(folder, processor, chosen)
  }
}

/** Every image once, in order. Where the last batch has rows left over they repeat an image and do not count. */
export async function* evaluationImages(
  folder: ImageFolder,
  processor: ImageProcessor,
  rows: number,
): AsyncGenerator<ImageBatch> {
  const count = folder.images.length
  for (let first = 0; first < count; first += rows) {
    const present = Math.min(rows, count - first)
    const chosen = Array.from({ length: rows }, (_, row) => first + (row < present ? row : 0))
    const batch = await imageBatch(folder, processor, chosen)
    batch.labels.fill(-100, present)
    yield batch
  }
}

async function imageBatch(
  { images }: ImageFolder,
  processor: ImageProcessor,
  chosen: readonly number[],
): Promise<ImageBatch> {
  const { channels, height, width } = processor.size
  const each = channels * height * width
  const pixels = new Float32Array(chosen.length * each)
  const labels = new Int32Array(chosen.length)
  for (const [row, index] of chosen.entries()) {
    const { path, label } = images[index] as ImageFolder['images'][number]
    processImage(await readPicture(path), processor, { pixels, start: row * each })
    labels[row] = label
  }
  return { rows: chosen.length, columns: 0, image: processor.size, pixelValues: pixels, labels }
}

async function readPicture(path: string) {
  try {
    return decodePng(await readFile(path))
  } catch (cause) {
    throw new RangeError(`${path}: ${(cause as Error).message}`, { cause })
  }
}
