import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { imageRows, openImageCorpus } from './image-corpus.js'
import { readImageProcessor } from './image-processor.js'
import { listImages } from './images.js'
import { decodePng } from './png.js'
import { evaluationRows, trainingRows } from './row-source.js'

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
  const source = imageRows(found.images, processor)
  for (const { pixelValues, labels } of trainingRows(source, order))
    for (const row of [0, 1]) {
      const level = Math.round(((pixelValues[6 * row] as number) * 0.5 + 0.5) * 255)
      expect(labels[row]).toBe(level < 100 ? 1 : 0)
      seen.push(level)
    }
  const sorted = (levels: readonly number[]): readonly number[] => levels.toSorted((x, y) => x - y)
  expect(sorted(seen.slice(0, 5))).toEqual([40, 60, 100, 120, 140])
  expect(sorted(seen.slice(5))).toEqual([40, 60, 100, 120, 140])
  const later: number[] = []
  for (const { pixelValues } of trainingRows(source, { ...order, steps: 2, firstStep: 3 }))
    for (const row of [0, 1]) later.push(Math.round(((pixelValues[6 * row] as number) * 0.5 + 0.5) * 255))
  expect(later).toEqual(seen.slice(6))
})

test('rows that fill up the last batch of an evaluation do not count', async () => {
  await classes()
  const processor = await readImageProcessor(folder, size)
  const labels: number[] = []
  const { images } = await listImages(folder)
  for (const batch of evaluationRows(imageRows(images, processor), 3)) labels.push(...batch.labels)
  expect(labels).toEqual([0, 0, 0, 1, 1, -100])
})

test('a processor scales and normalises as its file says, and what is not built is refused', async () => {
  await classes()
  const file = join(folder, 'preprocessor_config.json')
  await writeFile(file, JSON.stringify({ image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.25, 2] }))
  const processor = await readImageProcessor(folder, size)
  const { images } = await listImages(folder)
  const [batch] = evaluationRows(imageRows(images, processor), 1)
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
  await expect(listImages(folder, { labels: ['a', 'c'] })).rejects.toThrow(
    'b: expected a label of the model (a, c), got "b"',
  )
  await expect(listImages(folder, { classes: 1 })).rejects.toThrow('the model has 1 classes')
  await writeFile(join(folder, 'cat.png'), grey(5))
  await expect(listImages(folder)).rejects.toThrow('cat.png: expected images in sub-folders')
  await rm(join(folder, 'cat.png'))
  await writeFile(join(folder, 'b', 'notes.txt'), 'x')
  await expect(listImages(folder)).rejects.toThrow('notes.txt: expected an image named .png')
})

test('classes that are numbers are in the order of numbers, and a number stands for a class that has a name', async () => {
  for (const name of ['10', '9', '0']) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'a.png'), grey(Number(name)))
  }
  const labelsOf = async (known: Parameters<typeof listImages>[1]) =>
    (await listImages(folder, known)).images.map(({ path, label }) => [path.split('/').at(-2), label])
  expect(await labelsOf({})).toEqual([
    ['0', 0],
    ['10', 10],
    ['9', 9],
  ])
  const named = ['zero', ...Array.from({ length: 8 }, (_, at) => `n${at}`), 'nine', '0']
  expect(await labelsOf({ labels: named })).toEqual([
    ['0', 10],
    ['10', 10],
    ['9', 9],
  ])
})

test('held-out images are spread over the classes, and their copies are not trained on', async () => {
  for (const [name, first] of [
    ['a', 0],
    ['b', 100],
  ] as const) {
    await mkdir(join(folder, name))
    for (let at = 0; at < 10; at++)
      await writeFile(join(folder, name, `${at}.png`), grey(at === 9 ? first : first + at)) // the last is a copy
  }
  const processor = await readImageProcessor(folder, size)
  const read: number[] = []
  const corpus = await openImageCorpus({
    folders: [folder],
    processor,
    holdout: 0.2,
    onRead: (images) => read.push(images),
  })
  expect(read.at(-1)).toBe(20)
  expect(corpus).toMatchObject({ format: 'images', examples: 20, labels: ['a', 'b'] })
  const heldOut = corpus.heldOut[0]
  const fileOf = (row: number): string => heldOut?.fileOf?.(row).slice(folder.length) ?? ''
  expect([heldOut?.count, fileOf(0), fileOf(2)]).toEqual([4, '/a/2.png', '/b/2.png'])
  expect(corpus.train.count).toBe(16)
})

test('a file that is no picture is refused before training, by its path', async () => {
  await classes()
  const processor = await readImageProcessor(folder, size)
  const opened = () => openImageCorpus({ folders: [folder], processor, holdout: 0 })
  await writeFile(join(folder, 'b', '7.png'), 'hello')
  await expect(opened()).rejects.toThrow(
    '7.png: expected a PNG or JPEG file, got a file that begins with 68656c6c6f',
  )
  await writeFile(join(folder, 'b', '7.png'), grey(3).subarray(0, 60))
  await expect(opened()).rejects.toThrow('7.png: PNG is cut off')
})
