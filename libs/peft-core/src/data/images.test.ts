import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readImageProcessor } from './image-processor.js'
import { evaluationImages, listImages, trainingImages } from './images.js'
import { decodePng } from './png.js'
import { resize } from './resize.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-images-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)])
}

interface Drawn {
  readonly width: number
  readonly height: number
  readonly depth: number
  readonly colour: number
  readonly lines: readonly (readonly number[])[] // each with its filter first
  readonly palette?: readonly number[]
}

function png({ width, height, depth, colour, lines, palette }: Drawn): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([depth, colour], 8)
  const parts = [Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', header)]
  if (palette !== undefined) parts.push(chunk('PLTE', Uint8Array.from(palette)))
  parts.push(chunk('IDAT', deflateSync(Uint8Array.from(lines.flat()))), chunk('IEND', new Uint8Array()))
  return Buffer.concat(parts)
}

const grey = (level: number): Buffer =>
  png({ width: 2, height: 1, depth: 8, colour: 0, lines: [[0, level, level + 5]] })

test('each filter of a PNG is undone', () => {
  const lines = [
    [1, 10, 20, 30, 1, 2, 3], // of what is on the left
    [2, 5, 6, 7, 8, 9, 250], // above
    [3, 9, 9, 9, 4, 4, 4], // the mean of both
    [4, 1, 2, 3, 250, 2, 3], // Paeth's choice
  ]
  const { rgb } = decodePng(png({ width: 2, height: 4, depth: 8, colour: 2, lines }))
  expect([...rgb.subarray(0, 12)]).toEqual([10, 20, 30, 11, 22, 33, 15, 26, 37, 19, 31, 27])
  expect([...rgb.subarray(12)]).toEqual([16, 22, 27, 21, 30, 31, 17, 24, 30, 15, 32, 34])
})

test('bits, palettes, transparency and 16 bits give 8 bits of three colours', () => {
  const bits = decodePng(png({ width: 3, height: 1, depth: 1, colour: 0, lines: [[0, 0b01000000]] }))
  expect([...bits.rgb]).toEqual([0, 0, 0, 255, 255, 255, 0, 0, 0])
  const palette = [9, 8, 7, 6, 5, 4, 200, 201, 202]
  const few = decodePng(png({ width: 2, height: 1, depth: 2, colour: 3, lines: [[0, 0b10010000]], palette }))
  expect([...few.rgb]).toEqual([200, 201, 202, 6, 5, 4])
  const clear = decodePng(png({ width: 1, height: 1, depth: 8, colour: 6, lines: [[0, 7, 8, 9, 0]] }))
  expect([...clear.rgb]).toEqual([7, 8, 9])
  const deep = decodePng(png({ width: 1, height: 1, depth: 16, colour: 4, lines: [[0, 77, 3, 1, 2]] }))
  expect([...deep.rgb]).toEqual([77, 77, 77])
})

test('a file that is cut off, or no PNG, is refused', () => {
  expect(() => decodePng(grey(5).subarray(0, 50))).toThrow('PNG is cut off')
  expect(() => decodePng(Uint8Array.of(1, 2, 3))).toThrow('expected a PNG file')
  const short = { width: 2, height: 2, depth: 8, colour: 0, lines: [[0, 1, 2]] }
  expect(() => decodePng(png(short))).toThrow('PNG expected 6 bytes of lines, got 3')
})

// From torch.nn.functional.interpolate(bilinear, antialias=True) on uint8 (PyTorch 2.13), which follows PIL.
const picture = [
  207, 21, 45, 60, 46, 205, 222, 149, 10, 24, 85, 110, 159, 122, 67, 40, 177, 188, 8, 29, 115, 100, 227, 132,
  107, 110, 170, 150, 44, 188, 193, 244, 201, 72, 81, 166, 166, 178, 222, 74, 240, 0, 19, 249, 241, 76, 35,
  80, 11, 228, 169, 149, 62, 120, 48, 197, 121, 7, 65, 180, 133, 95, 64, 23, 155, 169, 133, 238, 237, 53, 155,
  161, 63, 76, 124, 189, 74, 184, 167, 55, 99, 212, 215, 168, 1, 174, 57, 209, 233, 109, 244, 194, 83, 224,
  98, 26, 151, 217, 168, 100, 230, 122, 98, 37, 54,
]
const smaller = [
  128, 94, 129, 142, 111, 125, 109, 133, 139, 65, 144, 126, 63, 166, 171, 85, 138, 155, 99, 122, 149, 109,
  125, 118, 89, 196, 131, 163, 164, 112, 156, 137, 132, 140, 133, 110,
]
const larger = [
  207, 21, 45, 109, 38, 152, 132, 92, 118, 178, 135, 32, 24, 85, 110, 129, 114, 77, 93, 153, 134, 29, 128,
  164, 8, 29, 115, 160, 111, 83, 107, 87, 154, 129, 87, 144, 170, 114, 102, 98, 155, 150, 116, 115, 119, 107,
  145, 162, 75, 159, 157, 37, 121, 65, 95, 228, 139, 102, 146, 156,
]

test('a picture is resized as PIL and PyTorch do it, to one level of 255', () => {
  const given = { height: 5, width: 7, rgb: Uint8Array.from(picture) }
  const distance = (size: { height: number; width: number }, wanted: readonly number[]): number => {
    const { rgb } = resize(given, size)
    return Math.max(...wanted.map((level, at) => Math.abs(level - (rgb[at] as number))))
  }
  expect(distance({ height: 3, width: 4 }, smaller)).toBeLessThanOrEqual(1)
  expect(distance({ height: 8, width: 9 }, larger)).toBeLessThanOrEqual(1)
})

const size = { channels: 3, height: 1, width: 2 }

async function classes(): Promise<void> {
  for (const [name, levels] of [
    ['b', [40, 60]],
    ['a', [100, 120, 140]],
  ] as const) {
    await mkdir(join(folder, name))
    for (const [at, level] of levels.entries()) await writeFile(join(folder, name, `${at}.png`), grey(level))
  }
}

test('sub-folders are the classes, and every image comes once an epoch', async () => {
  await classes()
  const found = await listImages(folder)
  expect(found.labels).toEqual(['a', 'b'])
  const processor = await readImageProcessor(folder, size)
  const seen: number[] = []
  const order = { rows: 2, steps: 5, seed: 3, firstStep: 0 }
  for await (const { pixelValues, labels } of trainingImages(found, processor, order))
    for (const row of [0, 1]) {
      const level = Math.round(((pixelValues[6 * row] as number) * 0.5 + 0.5) * 255)
      expect(labels[row]).toBe(level < 100 ? 1 : 0)
      seen.push(level)
    }
  const sorted = (levels: readonly number[]): readonly number[] => levels.toSorted((x, y) => x - y)
  expect(sorted(seen.slice(0, 5))).toEqual([40, 60, 100, 120, 140])
  expect(sorted(seen.slice(5))).toEqual([40, 60, 100, 120, 140])
  const later: number[] = []
  for await (const { pixelValues } of trainingImages(found, processor, { ...order, steps: 2, firstStep: 3 }))
    for (const row of [0, 1]) later.push(Math.round(((pixelValues[6 * row] as number) * 0.5 + 0.5) * 255))
  expect(later).toEqual(seen.slice(6))
})

test('rows that fill up the last batch of an evaluation do not count', async () => {
  await classes()
  const processor = await readImageProcessor(folder, size)
  const labels: number[] = []
  for await (const batch of evaluationImages(await listImages(folder), processor, 3))
    labels.push(...batch.labels)
  expect(labels).toEqual([0, 0, 0, 1, 1, -100])
})

test('a processor scales and normalises as its file says, and what is not built is refused', async () => {
  await classes()
  const file = join(folder, 'preprocessor_config.json')
  await writeFile(file, JSON.stringify({ image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.25, 2] }))
  const processor = await readImageProcessor(folder, size)
  const { value: batch } = await evaluationImages(await listImages(folder), processor, 1).next()
  const expected = [100, 105, 100, 105, 100, 105].map((level, at) => {
    const channel = Math.floor(at / 2)
    return (level / 255 - Number([0.1, 0.2, 0.3][channel])) / Number([0.5, 0.25, 2][channel])
  })
  for (const [at, value] of expected.entries()) expect(batch?.pixelValues[at]).toBeCloseTo(value, 6)
  await writeFile(file, JSON.stringify({ do_center_crop: true }))
  await expect(readImageProcessor(folder, size)).rejects.toThrow('do_center_crop is not supported')
})

test('a folder that does not fit is refused by the path that does not', async () => {
  await expect(listImages(folder)).rejects.toThrow('got no image')
  await classes()
  await expect(listImages(folder, ['a', 'c'])).rejects.toThrow('expected a class of a, c, got "b"')
  await writeFile(join(folder, 'b', 'notes.txt'), 'x')
  await expect(listImages(folder)).rejects.toThrow('notes.txt: expected a .png file')
})
