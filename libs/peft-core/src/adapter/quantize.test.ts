import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bfloat16ToFloat32 } from './half.js'
import { type Blocks, type CodeBits, dequantizeBlocks, quantizeBlocks } from './quantize.js'

const bytesOf = (halves: Uint16Array) => new Uint8Array(halves.buffer)

function readBack({ codes, scales }: Blocks, count: number, bits: CodeBits): Float32Array {
  const into = new Float32Array(count)
  dequantizeBlocks(into, { codes, scales: bytesOf(scales) }, bits)
  return into
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16)

describe('blocks of codes', () => {
  // 127 / 127 and 7 / 7 make the scales 1 and 2 by hand; 2.5 and 3.5 are ties and go to the even neighbour.
  test('values are divided by the scale of their block and rounded, ties to even', () => {
    const bytes = quantizeBlocks(Float32Array.of(127, -2.5, 3.5, -126.6, 0.49), 8)
    expect([...bytes.scales]).toEqual([0x3f80])
    expect([...new Int8Array(bytes.codes.buffer)]).toEqual([127, -2, 4, -127, 0])
    const halves = quantizeBlocks(Float32Array.of(14, -5, 7, -13.2, 0.9), 4)
    expect([...halves.scales]).toEqual([0x4000])
    expect(Buffer.from(halves.codes).toString('hex')).toBe('6f1c88') // 7 -2 | 4 -7 | 0 and a place that is not used
    expect([...readBack(halves, 5, 4)]).toEqual([14, -4, 8, -14, 0])
  })

  // Computed with NumPy 2 (rint) and PyTorch (bfloat16) from the same formula of the index, which is exact in float32.
  test.each([
    [8, [16061, 16053, 16045], '3a0d48dc82f63ec3', 'ad30371fc7497d42'],
    [4, [16599, 16590, 16581], '2a108c09ce0432e3', '64b0ddacd1da384e'],
  ] as const)('%i bits are those of NumPy and PyTorch', (bits, scales, codesHash, valuesHash) => {
    const values = Float32Array.from(
      { length: 150 },
      (_, index) => ((((index * 37) % 101) - 50) / 16) * 2 ** (index % 5),
    )
    const blocks = quantizeBlocks(values, bits)
    expect([...blocks.scales]).toEqual(scales)
    expect(hashOf(blocks.codes)).toBe(codesHash)
    expect(hashOf(new Uint8Array(readBack(blocks, 150, bits).buffer))).toBe(valuesHash)
  })

  test('no value moves by more than half the scale of its block', () => {
    const finite = fc.float({
      noNaN: true,
      noDefaultInfinity: true,
      min: Math.fround(-3e38),
      max: Math.fround(3e38),
    })
    const near = fc.float({ noNaN: true, min: Math.fround(-1e-3), max: Math.fround(1e-3) })
    const lists = fc.oneof(fc.array(finite, { maxLength: 200 }), fc.array(near, { maxLength: 200 }))
    fc.assert(
      fc.property(lists, fc.constantFrom<CodeBits>(8, 4), (list, bits) => {
        const values = Float32Array.from(list)
        const blocks = quantizeBlocks(values, bits)
        const scales = bfloat16ToFloat32(blocks.scales)
        readBack(blocks, values.length, bits).forEach((value, index) => {
          const scale = scales[Math.floor(index / 64)] as number
          const bound = scale === 0 ? (2 ** (bits - 1) - 1) * 2 ** -126 : scale / 2
          expect(Math.abs((values[index] as number) - value)).toBeLessThanOrEqual(bound)
        })
      }),
    )
  })

  test('values too small for a scale, and whole zeros, are zeros', () => {
    for (const tiny of [0, 1e-45, 100 * 2 ** -126]) {
      const blocks = quantizeBlocks(new Float32Array(70).fill(tiny), 8)
      expect([...blocks.scales]).toEqual([0, 0])
      expect(readBack(blocks, 70, 8).every((value) => value === 0)).toBe(true)
    }
  })

  test('codes that begin anywhere in a file are read alike', () => {
    const values = Float32Array.from({ length: 65 }, (_, index) => index - 31.5)
    const { codes, scales } = quantizeBlocks(values, 4)
    const shifted = Buffer.concat([Buffer.of(9), bytesOf(scales)]).subarray(1)
    const into = new Float32Array(65)
    dequantizeBlocks(into, { codes, scales: shifted }, 4)
    expect(into).toEqual(readBack({ codes, scales }, 65, 4))
  })
})
