/**
 * Folders of images as rows to train on and rows to judge by. An image is read when it is needed.
 * @module
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ImageBatch } from '../train/batch.js'
import { isHeldOutByHash, splitMeasured } from '../train/holdout.js'
import { createRandom, shuffled } from '../train/random.js'
import type { Corpus } from './corpus.js'
import { createFirsts } from './firsts.js'
import { type ImageProcessor, processImage } from './image-processor.js'
import { classFolders, type LabelledImage, listImages } from './images.js'
import { type KnownClasses, namesOf } from './labels.js'
import { decodePicture, expectPicture } from './picture.js'
import type { RowSource } from './row-source.js'

export interface ImageCorpusOptions extends KnownClasses {
  /** Each has a sub-folder for each class, and held-out images of its own. */
  readonly folders: readonly string[]
  readonly processor: ImageProcessor
  /** The share that is kept to judge by, from 0 up to 1. */
  readonly holdout: number
  /** Whether each image is held out or not whatever others there are, as privacy by example needs it. */
  readonly isByExample?: boolean
  /** Hears how many images were looked at. */
  readonly onRead?: (images: number) => void
}

/**
 * Lists the images of folders and looks at each file once; copies of a held-out image are not trained on. RangeError names the
 * file or the folder that does not fit, as `listImages`, and the file that is no picture.
 */
export async function openImageCorpus(options: ImageCorpusOptions): Promise<Corpus<ImageBatch>> {
  const { folders, processor, holdout, isByExample = false, onRead = () => {} } = options
  const classes = (await Promise.all(folders.map(classFolders))).flat()
  const labels = namesOf([...new Set(classes)], options)
  const parts: { readonly train: readonly LabelledImage[]; readonly heldOut: readonly LabelledImage[] }[] = []
  let read = 0
  for (const folder of folders) {
    const { images } = await listImages(folder, { labels })
    parts.push(await divided(images, { holdout, isByExample }, () => onRead(++read)))
  }
  return {
    format: 'images',
    train: imageRows(
      parts.flatMap(({ train }) => train),
      processor,
    ),
    heldOut: holdout === 0 ? [] : parts.map(({ heldOut }) => imageRows(heldOut, processor)),
    labels,
    examples: read,
    cut: 0,
    dropped: 0,
    texts: () => [],
    close: () => {},
  }
}

async function divided(
  images: readonly LabelledImage[],
  { holdout, isByExample }: { readonly holdout: number; readonly isByExample: boolean },
  onRead: () => void,
) {
  const firsts = createFirsts()
  const copyOf: number[] = []
  const isOut: boolean[] = []
  for (const { path } of images) {
    const bytes = await lookedAt(path)
    if (isByExample) isOut.push(isHeldOutByHash(bytes, holdout))
    else copyOf.push(firsts.add(bytes))
    onRead()
  }
  if (isByExample)
    return { train: images.filter((_, at) => !isOut[at]), heldOut: images.filter((_, at) => isOut[at]) }
  const firstOf = (index: number): number => copyOf[index] as number
  const { train, heldOut } = splitMeasured({ count: images.length, sizeOf: () => 1, firstOf }, holdout)
  const chosen = (indices: Uint32Array): readonly LabelledImage[] =>
    Array.from(indices, (index) => images[index] as LabelledImage)
  return { train: chosen(train), heldOut: chosen(heldOut) }
}

async function lookedAt(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  about(path, () => expectPicture(bytes))
  return bytes
}

/** Images as rows, each an epoch's once in an order that depends on the seed and the epoch alone. */
export function imageRows(
  images: readonly LabelledImage[],
  processor: ImageProcessor,
): RowSource<ImageBatch> {
  const count = images.length
  return {
    count,
    rowsPerEpoch: count,
    epoch(seed, epoch) {
      const order = shuffled(count, createRandom(seed, `epoch ${epoch}`))
      return { count, row: (index) => [order[index] as number] }
    },
    inOrder: () => ({ count, row: (index) => [index] }),
    batch: (rows) =>
      imageBatch(
        rows.map(([index]) => images[index as number] as LabelledImage),
        processor,
      ),
    fileOf: (row) => (images[row] as LabelledImage).path,
    example: (index) => [index],
  }
}

function imageBatch(images: readonly LabelledImage[], processor: ImageProcessor): ImageBatch {
  const { channels, height, width } = processor.size
  const each = channels * height * width
  const pixels = new Float32Array(images.length * each)
  for (const [row, { path }] of images.entries())
    about(path, () =>
      processImage(decodePicture(readFileSync(path)), processor, { pixels, start: row * each }),
    )
  const labels = Int32Array.from(images, ({ label }) => label)
  return { rows: images.length, columns: 0, image: processor.size, pixelValues: pixels, labels }
}

function about<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new RangeError(`${path}: ${(cause as Error).message}`, { cause })
  }
}
