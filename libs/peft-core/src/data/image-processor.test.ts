import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { processImage, readImageProcessor } from './image-processor.js'
import { type Filter, resize } from './resize.js'

// 7 x 5 pixels.
const picture = [
  207, 21, 45, 60, 46, 205, 222, 149, 10, 24, 85, 110, 159, 122, 67, 40, 177, 188, 8, 29, 115, 100, 227, 132,
  107, 110, 170, 150, 44, 188, 193, 244, 201, 72, 81, 166, 166, 178, 222, 74, 240, 0, 19, 249, 241, 76, 35,
  80, 11, 228, 169, 149, 62, 120, 48, 197, 121, 7, 65, 180, 133, 95, 64, 23, 155, 169, 133, 238, 237, 53, 155,
  161, 63, 76, 124, 189, 74, 184, 167, 55, 99, 212, 215, 168, 1, 174, 57, 209, 233, 109, 244, 194, 83, 224,
  98, 26, 151, 217, 168, 100, 230, 122, 98, 37, 54,
]
// Of the same from torch.nn.functional.interpolate(bilinear, antialias=True) on uint8 (PyTorch 2.13), which follows PIL,
// and from the ViTImageProcessor of transformers 5.18 with Pillow 12.3: 4 x 3 pixels, and the first of 9 x 8.
const smaller = {
  nearest: [
    207, 21, 45, 222, 149, 10, 159, 122, 67, 8, 29, 115, 19, 249, 241, 11, 228, 169, 48, 197, 121, 133, 95,
    64, 1, 174, 57, 244, 194, 83, 151, 217, 168, 98, 37, 54,
  ],
  bilinear: [
    128, 94, 129, 142, 111, 125, 109, 133, 139, 65, 144, 126, 63, 166, 171, 85, 138, 155, 99, 122, 149, 109,
    125, 118, 89, 196, 131, 163, 164, 112, 156, 137, 132, 140, 133, 110,
  ],
  bicubic: [
    129, 89, 127, 146, 110, 124, 110, 137, 141, 59, 145, 126, 57, 172, 178, 81, 135, 160, 97, 117, 154, 113,
    127, 118, 85, 202, 134, 169, 164, 109, 157, 133, 130, 140, 132, 111,
  ],
  lanczos: [
    131, 85, 124, 147, 107, 123, 113, 147, 144, 56, 144, 124, 51, 177, 183, 80, 132, 162, 97, 113, 162, 116,
    131, 118, 85, 205, 138, 172, 164, 105, 152, 127, 124, 141, 133, 116,
  ],
} as const
const larger = {
  nearest: [
    207, 21, 45, 60, 46, 205, 60, 46, 205, 222, 149, 10, 24, 85, 110, 159, 122, 67, 40, 177, 188, 40, 177,
    188, 8, 29, 115, 207, 21, 45, 60, 46, 205, 60, 46, 205, 222, 149, 10, 24, 85, 110, 159, 122, 67, 40, 177,
    188, 40, 177, 188, 8, 29, 115, 100, 227, 132,
  ],
  bilinear: [
    207, 21, 45, 109, 38, 152, 132, 92, 118, 178, 135, 32, 24, 85, 110, 129, 114, 77, 93, 153, 134, 29, 128,
    164, 8, 29, 115, 160, 111, 83, 107, 87, 154, 129, 87, 144, 170, 114, 102, 98, 155, 150, 116, 115, 119,
    107, 145, 162, 75, 159, 157, 37, 121, 65, 95, 228, 139, 102, 146, 156,
  ],
  bicubic: [
    222, 5, 30, 96, 22, 168, 132, 98, 122, 198, 149, 2, 12, 74, 103, 144, 111, 61, 99, 168, 134, 12, 128, 174,
    1, 6, 120,
  ],
  lanczos: [
    230, 1, 25, 87, 7, 173, 133, 112, 122, 197, 155, 0, 5, 63, 98, 138, 103, 57, 111, 189, 127, 0, 115, 179,
    4, 0, 121,
  ],
} as const

test('a picture is resized as PIL does it, to the bit', () => {
  const given = { height: 5, width: 7, rgb: Uint8Array.from(picture) }
  const distance = (
    size: { height: number; width: number },
    wanted: readonly number[],
    filter: Filter,
  ): number => {
    const { rgb } = resize(given, size, filter)
    return Math.max(...wanted.map((level, at) => Math.abs(level - (rgb[at] as number))))
  }
  for (const filter of ['nearest', 'bilinear', 'bicubic', 'lanczos'] as const) {
    expect(distance({ height: 3, width: 4 }, smaller[filter], filter)).toBe(0)
    expect(distance({ height: 8, width: 9 }, larger[filter], filter)).toBe(0)
  }
})

/** The pixels that a model of 3 x 2 gets, with such a preprocessor_config.json. */
async function processed(fields: object, channels = 3): Promise<readonly number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-processor-'))
  try {
    await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(fields))
    const processor = await readImageProcessor(folder, { channels, height: 2, width: 3 })
    const pixels = new Float32Array(6 * channels)
    processImage({ height: 5, width: 7, rgb: Uint8Array.from(picture) }, processor, { pixels, start: 0 })
    return [...pixels]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// From the ViTImageProcessor of transformers 5.18 with the same fields and size { height: 2, width: 3 }.
test('pixels are what the processor of transformers makes of a picture', async () => {
  const channels = { image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.25, 2] }
  const all = [
    1.45625, 1.628125, 1.14375, 1.221875, 1.846875, 1.846875, 2.91875, 3.2625, 3.5125, 4.95, 3.2625, 3.23125,
    0.4125, 0.4046875, 0.365625, 0.4359375, 0.34609375, 0.34609375,
  ]
  const scaled = await processed({ ...channels, rescale_factor: 1 / 128 })
  for (const [at, value] of all.entries()) expect(scaled[at]).toBeCloseTo(value, 5)
  const near = (values: readonly number[], wanted: readonly number[], digits: number): void => {
    for (const [at, value] of wanted.entries()) expect(values[at]).toBeCloseTo(value, digits)
  }
  near(await processed({ do_normalize: false }), [0.4156863, 0.4588235, 0.3372549, 0.3568628], 6)
  near(await processed({ ...channels, do_rescale: false }), [211.8, 233.8, 171.8, 181.8], 4)
})

// From the same processor for PIL's convert('L') of the picture.
test('a model of one channel gets the luma of a picture', async () => {
  const wanted = [0.72549, 0.803922, 0.756863, 0.992157, 0.827451, 0.819608]
  const listed = await processed({ image_mean: [0.1], image_std: [0.5] }, 1)
  const single = await processed({ image_mean: 0.1, image_std: 0.5 }, 1)
  expect([listed.length, single]).toEqual([6, listed])
  for (const [at, value] of wanted.entries()) expect(listed[at]).toBeCloseTo(value, 6)
  const three = processed({ image_mean: [0.1, 0.2, 0.3] }, 1)
  await expect(three).rejects.toThrow('image_mean expected a number for each channel (1), got [0.1,0.2,0.3]')
  await expect(processed({}, 4)).rejects.toThrow('takes 4 channels; pictures have 3, or 1 in grey')
})

// From Pillow 12.3: 14 pixels to 5; the middle of a new pixel lies on the border of two, and rounding decides.
test('the nearest pixel is the one that PIL takes where two are as near', () => {
  const levels = Uint8Array.from({ length: 42 }, (_, at) => Math.floor(at / 3))
  const { rgb } = resize({ height: 1, width: 14, rgb: levels }, { height: 1, width: 5 }, 'nearest')
  expect([...rgb].filter((_, at) => at % 3 === 0)).toEqual([1, 4, 6, 9, 12])
})

test('a picture of another size is refused where the processor does not resize', async () => {
  await expect(processed({ do_resize: false })).rejects.toThrow(
    'expected 3 x 2 pixels, as do_resize is false, got 7 x 5',
  )
  await expect(processed({ resample: 4 })).rejects.toThrow('resample 4 is not supported')
})
