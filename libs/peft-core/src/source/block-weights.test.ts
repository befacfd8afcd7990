import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.js'
import { int } from '../graph/graph.js'
import { reference } from '../runtime/reference.js'
import { type BlockFormat, toBlocks } from './block-weights.js'

/** (3, 48): rows of three blocks of 16, of different sizes; the second block is all positive. */
const matrix = Float32Array.from({ length: 144 }, (_, at) => {
  const block = Math.floor(at / 16)
  return block === 1 ? 0.5 + (at % 16) / 40 : Math.sin(1.3 * at) * (block + 0.7)
})

/** What a product with the blocks makes of the rows of the identity: the matrix they stand for, transposed. */
async function matrixOf(format: BlockFormat): Promise<readonly number[]> {
  const { packed, scales, zeroPoints } = toBlocks(matrix, [3, 48], format)
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [48, 48])
  const bytes = (name: string, data: Uint8Array) =>
    builder.weight({ name, element: 'uint8', shape: [data.length], data: { kind: 'bytes', bytes: data } })
  const inputs = [
    x,
    bytes('packed', packed),
    builder.constant([...scales]),
    zeroPoints && bytes('zeros', zeroPoints),
  ]
  const attributes = { N: int(3), K: int(48), bits: int(format.bits), block_size: int(16) }
  builder.output(builder.op('MatMulNBits', inputs, { attributes, domain: 'com.microsoft' }))
  const session = await reference.open(builder.build())
  const identity = Float32Array.from({ length: 48 * 48 }, (_, at) => Number(at % 49 === 0))
  const [output] = (await session.run(new Map([['x', identity]]))).values()
  return Array.from({ length: 144 }, (_, at) => output?.data[(at % 48) * 3 + Math.floor(at / 48)] as number)
}

test.each([
  [4, false],
  [4, true],
  [8, false],
  [8, true],
] as const)(
  '%i-bit blocks (symmetric: %s) are within half a step of the numbers',
  async (bits, symmetric) => {
    const format = { bits, blockSize: 16, symmetric }
    const { scales } = toBlocks(matrix, [3, 48], format)
    for (const [at, value] of (await matrixOf(format)).entries()) {
      const step = Math.abs(scales[Math.floor(at / 16)] as number)
      // The end opposite to the greatest magnitude has one step less when there is no zero point to move.
      const most = symmetric ? 1.0001 : bits === 4 ? 1.0001 : 1.01
      expect(Math.abs(value - (matrix[at] as number)) / step, `number ${at}`).toBeLessThan(most)
    }
  },
)

test('eight bits are sixteen times as fine as four, within a factor of two', async () => {
  const errorOf = async (bits: 4 | 8): Promise<number> => {
    const values = await matrixOf({ bits, blockSize: 16, symmetric: false })
    return Math.sqrt(values.reduce((sum, value, at) => sum + (value - (matrix[at] as number)) ** 2, 0))
  }
  const ratio = (await errorOf(4)) / (await errorOf(8))
  expect(ratio).toBeGreaterThan(8)
  expect(ratio).toBeLessThan(32)
})

test('rows that blocks do not fill are refused', () => {
  expect(() => toBlocks(matrix, [4, 36], { bits: 4, blockSize: 16, symmetric: true })).toThrow(
    'expected rows of whole blocks of 16, got rows of 36',
  )
})
