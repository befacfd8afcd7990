/**
 * Images of a folder: a sub-folder for each class.
 * @module
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type KnownClasses, labelNumber, namesOf } from './labels.js'
import { isPictureName, pictureNames } from './picture.js'

export interface ImageFolder {
  /** The classes, by name; a label is a place in this list. */
  readonly labels: readonly string[]
  readonly images: readonly LabelledImage[]
}

export interface LabelledImage {
  readonly path: string
  readonly label: number
}

/**
 * Lists the images of a folder, without reading them. The classes are those that the model knows; where it has no names for
 * them, the names of the sub-folders: numbers, or in alphabetical order. Names that begin with a dot are left out. RangeError
 * for a sub-folder of another name, for a file that is named as no image, for an image beside the sub-folders, and for no
 * image at all.
 */
export async function listImages(folder: string, known: KnownClasses = {}): Promise<ImageFolder> {
  const names = await classFolders(folder)
  const labels = namesOf(names, known)
  const images: LabelledImage[] = []
  for (const name of names) {
    const label = named(join(folder, name), () => labelNumber(name, labels))
    for (const file of await visible(join(folder, name)))
      images.push({ path: imagePath(join(folder, name, file)), label })
  }
  if (images.length > 0) return { labels, images }
  throw new RangeError(`${folder}: expected a sub-folder of images for each class, got no image`)
}

/** The sub-folders of a folder, sorted. */
export async function classFolders(folder: string): Promise<readonly string[]> {
  const names: string[] = []
  for (const name of await visible(folder)) {
    if ((await stat(join(folder, name))).isDirectory()) names.push(name)
    else if (isPictureName(name))
      throw new RangeError(`${join(folder, name)}: expected images in sub-folders, one for each class`)
  }
  return names
}

const visible = async (folder: string): Promise<readonly string[]> => {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    const got = cause.code === 'ENOTDIR' ? 'a file' : cause.message
    throw new RangeError(`${folder}: expected a folder with a sub-folder for each class, got ${got}`, {
      cause,
    })
  })
  return names.filter((name) => !name.startsWith('.')).sort()
}

function imagePath(path: string): string {
  if (isPictureName(path)) return path
  throw new RangeError(`${path}: expected an image named ${pictureNames.join(', ')}`)
}

function named<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new RangeError(`${path}: ${(cause as Error).message}`, { cause })
  }
}
