import { expect, test } from 'vitest'
import { decodeJpeg } from './jpeg.js'
import { exifOrientation } from './orientation.js'

// 3 x 2 grey pixels, 10 90 170 over 250 50 130, saved by Pillow 12.3 with quality 100.
const jpeg = Buffer.from(
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB' +
    'AQEBAQH/wAALCAACAAMBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEG' +
    'E1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJ' +
    'ipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AO91ief4efET' +
    '49eAPh/NL4G8B+Bv2pf2svB3gnwT4Okfwz4R8H+EfDP7S/xW0Xw34W8LeG9FNlo3h/w54f0aystJ0PQ9JsrTTNJ0y0tbCwtbe1t4ok//2Q==',
  'base64',
)

/** An Exif segment with one entry, as Pillow writes it (big-endian), or in the other order of bytes. */
function exif(orientation: number, order: 'MM' | 'II' = 'MM'): Buffer {
  const words = [0x2a, 0, 8, 1, 0x0112, 3, 0, 1, orientation, 0, 0, 0]
  if (order === 'II') words.splice(1, 2, 8, 0)
  if (order === 'II') words.splice(6, 2, 1, 0)
  const bytes = Buffer.alloc(2 * words.length)
  for (const [at, word] of words.entries())
    order === 'II' ? bytes.writeUInt16LE(word, 2 * at) : bytes.writeUInt16BE(word, 2 * at)
  return Buffer.concat([Buffer.from(`Exif\0\0${order}`, 'latin1'), bytes])
}

function withExif(segment: Buffer): Buffer {
  const head = Buffer.from([0xff, 0xe1, 0, 0])
  head.writeUInt16BE(segment.length + 2, 2)
  return Buffer.concat([jpeg.subarray(0, 2), head, segment, jpeg.subarray(2)])
}

// By PIL.ImageOps.exif_transpose of Pillow 12.3, which transformers' load_image applies too.
test.each([
  [1, [10, 90, 170, 250, 50, 130]],
  [2, [170, 90, 10, 130, 50, 250]],
  [3, [130, 50, 250, 170, 90, 10]],
  [4, [250, 50, 130, 10, 90, 170]],
  [5, [10, 250, 90, 50, 170, 130]],
  [6, [250, 10, 50, 90, 130, 170]],
  [7, [130, 170, 50, 90, 250, 10]],
  [8, [170, 130, 90, 50, 10, 250]],
  [9, [10, 90, 170, 250, 50, 130]],
] as const)('a photograph of the orientation %i is turned as PIL turns it', (orientation, levels) => {
  for (const order of ['MM', 'II'] as const) {
    const { height, width, rgb } = decodeJpeg(withExif(exif(orientation, order)))
    expect([height, width]).toEqual(orientation >= 5 && orientation <= 8 ? [3, 2] : [2, 3])
    for (const [at, level] of levels.entries())
      expect(Math.abs((rgb[3 * at + 1] ?? 0) - level)).toBeLessThanOrEqual(2)
  }
})

test('an Exif segment that is cut off or says nothing leaves the picture as it is stored', () => {
  const whole = exif(6)
  expect(exifOrientation(whole)).toBe(6)
  for (let length = 0; length < whole.length - 4; length++)
    expect(exifOrientation(whole.subarray(0, length))).toBe(1)
  const far = Buffer.from(whole)
  far.writeUInt32BE(0xffffffff, 10)
  expect(exifOrientation(far)).toBe(1)
})
