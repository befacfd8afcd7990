import { expect, test } from 'vitest'
import { type Factors, moduleDistances, totalDistance } from './adapter-distance.js'
import { matricesIn } from './safetensors.js'

/** A safetensors file of matrices, as the format says. */
function fileOf(
  tensors: Readonly<Record<string, { dtype: string; shape: readonly number[]; bytes: Uint8Array }>>,
): ArrayBuffer {
  let at = 0
  const header = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = at
    at += bytes.length
    return [name, { dtype, shape, data_offsets: [begin, at] }]
  })
  const text = new TextEncoder().encode(
    JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(header) }),
  )
  const file = new Uint8Array(8 + text.length + at)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  let place = 8 + text.length
  for (const { bytes } of Object.values(tensors)) {
    file.set(bytes, place)
    place += bytes.length
  }
  return file.buffer
}

const f32 = (shape: readonly number[], ...values: readonly number[]) => ({
  ...{ dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) },
})
const words = (dtype: string, shape: readonly number[], ...values: readonly number[]) => ({
  ...{ dtype, shape, bytes: new Uint8Array(Uint16Array.from(values).buffer) },
})

const q = 'base_model.model.layers.0.q_proj'
const v = 'base_model.model.layers.0.v_proj'

const first: Factors = {
  scale: 2,
  matrices: matricesIn(
    fileOf({
      [`${q}.lora_A.weight`]: f32([2, 3], 1, 2, 0, -1, 0.5, 3),
      [`${q}.lora_B.weight`]: f32([2, 2], 1, -2, 0, 4),
      [`${v}.lora_A.weight`]: f32([1, 2], 3, 4),
      [`${v}.lora_B.weight`]: f32([2, 1], 1, 2),
    }),
  ),
}

test('the norms of two adapters and of their difference are those of their products', () => {
  const second: Factors = {
    scale: 0.5,
    matrices: matricesIn(
      fileOf({
        [`${q}.lora_A.weight`]: f32([1, 3], 2, -1, 1),
        [`${q}.lora_B.weight`]: f32([2, 1], 4, -6),
        [`${v}.lora_A.weight`]: f32([1, 2], 12, 16),
        [`${v}.lora_B.weight`]: f32([2, 1], 1, 2),
      }),
    ),
  }
  // numpy: W1 = 2 B1 A1 = [[6, 2, -12], [-8, 4, 24]]; W2 = 0.5 B2 A2 = [[4, -2, 2], [-6, 3, -3]]; of v 2 * 5 * sqrt(5) each
  const [one, other] = moduleDistances(first, second)
  expect([one?.module, other?.module]).toEqual(['layers.0.q_proj', 'layers.0.v_proj'])
  expect(one?.norm).toBeCloseTo(Math.sqrt(36 + 4 + 144 + 64 + 16 + 576), 9)
  expect(one?.difference).toBeCloseTo(Math.sqrt(4 + 16 + 196 + 4 + 1 + 729), 9)
  expect(other?.norm).toBeCloseTo(2 * 5 * Math.sqrt(5), 9)
  expect(other?.difference).toBeCloseTo(0.5 * 20 * Math.sqrt(5) - 2 * 5 * Math.sqrt(5), 5)
  expect(
    totalDistance([
      { module: 'a', norm: 3, difference: 5 },
      { module: 'b', norm: 4, difference: 12 },
    ]),
  ).toEqual({ norm: 5, difference: 13 })
})

test('half floats and bfloats are read as what they stand for', () => {
  const found = matricesIn(
    fileOf({
      half: words('F16', [1, 4], 0x3e00, 0xc100, 0x0001, 0x7c00), // 1.5, -2.5, 2^-24, infinity
      brain: words('BF16', [1, 2], 0x3fc0, 0xc020), // 1.5, -2.5
      vector: f32([3], 1, 2, 3),
    }),
  )
  expect([...(found.get('half')?.data ?? [])]).toEqual([1.5, -2.5, 2 ** -24, Number.POSITIVE_INFINITY])
  expect([...(found.get('brain')?.data ?? [])]).toEqual([1.5, -2.5])
  expect(found.has('vector')).toBe(false)
})

test('bytes that are no adapter are refused', () => {
  expect(() => matricesIn(new ArrayBuffer(4))).toThrow('a safetensors file expected')
  expect(() => matricesIn(fileOf({ a: f32([2, 3], 1, 2) }))).toThrow('2 x 3 values expected, got 2')
  expect(() => matricesIn(fileOf({ a: words('I16', [1, 1], 7) }))).toThrow('got I16')
  expect(() => moduleDistances({ ...first, matrices: new Map() }, { ...first, matrices: new Map() })).toThrow(
    'lora_A',
  )
})
