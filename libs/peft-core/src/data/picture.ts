/**
 * Files of pictures to pixels, whatever their form.
 * @module
 */
import { decodeJpeg, expectWholeJpeg, isJpeg } from './jpeg.js'
import { decodePng, expectWholePng, isPng, type Picture } from './png.js'

/** The ends of the names of files that are read as pictures. */
export const pictureNames = ['.png', '.jpg', '.jpeg'] as const

export const isPictureName = (path: string): boolean =>
  pictureNames.some((end) => path.toLowerCase().endsWith(end))

/** The pixels of a picture, in RGB. RangeError when it is no whole picture. */
export function decodePicture(bytes: Uint8Array): Picture {
  if (isPng(bytes)) return decodePng(bytes)
  if (isJpeg(bytes)) return decodeJpeg(bytes)
  throw noPicture(bytes)
}

/** RangeError when a file is no picture, or is cut off as far as can be seen without its pixels. */
export function expectPicture(bytes: Uint8Array): void {
  if (isPng(bytes)) expectWholePng(bytes)
  else if (isJpeg(bytes)) expectWholeJpeg(bytes)
  else throw noPicture(bytes)
}

function noPicture(bytes: Uint8Array): RangeError {
  const first = Buffer.from(bytes.subarray(0, 8)).toString('hex')
  const got = bytes.length === 0 ? 'an empty file' : `a file that begins with ${first}`
  return new RangeError(`expected a PNG or JPEG file, got ${got}`)
}
