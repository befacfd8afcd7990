/**
 * How a camera was held: pictures that are stored turned or mirrored, with a note of it.
 * Reference: Exif 2.32, tag 0x0112, and `exif_transpose` in https://github.com/python-pillow/Pillow/blob/main/src/PIL/ImageOps.py
 * @module
 */
import type { Picture } from './png.js'

/** Which stored pixel is seen at (y, x), as a row and a column from the stored sides' ends. */
interface Turn {
  /** Whether height and width change places. */
  readonly swaps: boolean
  readonly fromBottom: boolean
  readonly fromRight: boolean
}

const turns: Readonly<Record<number, Turn>> = {
  2: { swaps: false, fromBottom: false, fromRight: true },
  3: { swaps: false, fromBottom: true, fromRight: true },
  4: { swaps: false, fromBottom: true, fromRight: false },
  5: { swaps: true, fromBottom: false, fromRight: false },
  6: { swaps: true, fromBottom: true, fromRight: false },
  7: { swaps: true, fromBottom: true, fromRight: true },
  8: { swaps: true, fromBottom: false, fromRight: true },
}

/** The picture as it is to be seen, with an orientation of 1 to 8; as it is for any other. */
export function upright(picture: Picture, orientation: number): Picture {
  const turn = turns[orientation]
  if (turn === undefined) return picture
  const { height, width, rgb } = picture
  const [rows, columns] = turn.swaps ? [width, height] : [height, width]
  const result = new Uint8Array(rgb.length)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [row, column] = turn.swaps ? [x, y] : [y, x]
      const storedRow = turn.fromBottom ? height - 1 - row : row
      const storedColumn = turn.fromRight ? width - 1 - column : column
      const from = 3 * (storedRow * width + storedColumn)
      for (let colour = 0; colour < 3; colour++)
        result[3 * (y * columns + x) + colour] = rgb[from + colour] as number
    }
  }
  return { height: rows, width: columns, rgb: result }
}

const ORIENTATION = 0x0112

/** The orientation that the content of a JPEG's Exif segment (from "Exif" on) states; 1 when it states none that can be read. */
export function exifOrientation(segment: Buffer): number {
  if (segment.toString('latin1', 0, 6) !== 'Exif\0\0' || segment.length < 16) return 1
  const tiff = segment.subarray(6)
  const isLittle = tiff.toString('latin1', 0, 2) === 'II'
  const short = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const start = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  const entries = start + 2 <= tiff.length ? short(start) : 0
  for (let entry = 0; entry < entries; entry++) {
    const at = start + 2 + 12 * entry
    if (at + 12 > tiff.length) return 1
    if (short(at) === ORIENTATION) return short(at + 8)
  }
  return 1
}
