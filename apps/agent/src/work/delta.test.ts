import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, type TensorMap, updateChunks } from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { deltaOf } from './delta.js'

const tensors = (a: readonly number[], b: readonly number[]): TensorMap =>
  new Map([
    ['m.lora_A.weight', { shape: [1, 2], data: new Float32Array(a) }],
    ['m.lora_B.weight', { shape: [2, 1], data: new Float32Array(b) }],
  ])
const plain = { maxNorm: null, encoding: 'f32' } as const
const received = tensors([1, 5], [0.5, -2])
const trained = tensors([3, 2], [0.5, 4]) // differences 2, -3, 0, 6: norm 7

test('a delta is what training changed', () => {
  const { tensors, norm, clipFactor } = deltaOf(trained, received, plain)
  expect(numbers(deltaOf(trained, received, plain).bytes)).toEqual([2, -3, 0, 6])
  expect([norm, clipFactor]).toEqual([7, 1])
  expect(tensors).toEqual([
    { name: 'm.lora_A.weight', shape: [1, 2], sizeBytes: 8 },
    { name: 'm.lora_B.weight', shape: [2, 1], sizeBytes: 8 },
  ])
})

test('a delta is clipped over all its tensors jointly', () => {
  const { bytes, norm, clipFactor } = deltaOf(trained, received, { ...plain, maxNorm: 3.5 })
  expect(numbers(bytes)).toEqual([1, -1.5, 0, 3])
  expect([norm, clipFactor]).toEqual([7, 0.5])
})

test('a delta is a safetensors file that says what it is, named by its bytes', () => {
  const { bytes, sha256 } = deltaOf(trained, received, plain)
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + headerBytes)).toString())
  expect(header.__metadata__).toEqual({ format: 'pt', lorica: 'delta' })
  expect(header['m.lora_B.weight']).toEqual({ dtype: 'F32', shape: [2, 1], data_offsets: [8, 16] })
  expect(deltaOf(trained, received, plain).sha256).toBe(sha256)
  expect(deltaOf(tensors([3, 2], [0.5, 4.5]), received, plain).sha256).not.toBe(sha256)
})

test('what rounding keeps back is the residual, and goes into the next delta', () => {
  const trained = tensors([8, 5.4], [0.5, -5])
  // Changes (7, 0.4) and (0, -3): the scales are 1 and 3/7 as a bfloat16, 0.427734375.
  const first = deltaOf(trained, received, { maxNorm: null, encoding: 'int4' })
  expect(residual(first)).toEqual([0, Math.fround(5.4) - 5, 0, 7 * 0.427734375 - 3])
  expect(first.roundingError).toBeCloseTo(0.400043 / Math.hypot(7, 0.4, 3), 5)
  expect(first.tensors.map(({ sizeBytes }) => sizeBytes)).toEqual([3, 3])
  const second = deltaOf(trained, received, { maxNorm: null, encoding: 'int4', owed: first.residual })
  expect(residual(second)[1]).toBeCloseTo(0.8 - 1, 5) // 0.8 is rounded up: what was kept back is made good
})

test('what is not sent is no part of a delta, and what is owed of it waits for a round that trains it', () => {
  const A = new Set(['m.lora_A.weight'])
  const B = new Set(['m.lora_B.weight'])
  const changed = tensors([8, 5.4], [0.5, -5])
  const first = deltaOf(changed, received, { maxNorm: 3, encoding: 'int4', unsent: B })
  expect([first.tensors.map(({ name }) => name), first.norm]).toEqual([
    ['m.lora_A.weight'],
    expect.closeTo(Math.hypot(7, 0.4), 5),
  ])
  const kept = residual(first)
  const second = deltaOf(received, received, {
    maxNorm: null,
    encoding: 'int4',
    unsent: A,
    owed: first.residual,
  })
  expect(second.norm).toBe(0) // nothing is owed of B
  expect(second.residual?.get('m.lora_A.weight')?.data).toEqual(Float32Array.from(kept))
  const third = deltaOf(received, received, {
    maxNorm: null,
    encoding: 'int4',
    unsent: B,
    owed: second.residual,
  })
  expect(third.norm).toBeCloseTo(Math.hypot(...kept), 6)
  expect(third.norm).toBeGreaterThan(0.1)
})

/** What a coordinator reads from an update of one tensor `m`. */
async function read({ bytes }: ReturnType<typeof deltaOf>, count: number): Promise<Float32Array> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-delta-'))
  const path = join(folder, 'update')
  await writeFile(path, bytes)
  const values = new Float32Array(count)
  for await (const chunk of updateChunks(path, new Map([['m', [count]]])))
    values.set(chunk.values, chunk.offset)
  await rm(folder, { recursive: true })
  return values
}

const one = (data: Float32Array): TensorMap => new Map([['m', { shape: [data.length], data }]])
const zeros = one(new Float32Array(200))

test.each([
  ['bf16', 2 ** -9],
  ['int8', 0.6 / 127 / 2],
  ['int4', 0.6 / 7 / 2],
] as const)(
  'in %s what is read over 40 rounds adds up to the changes, but for half a step',
  async (encoding, half) => {
    const random = createRandom(9, encoding)
    const changed = new Float64Array(200)
    const arrived = new Float64Array(200)
    let owed: TensorMap | undefined
    for (let round = 0; round < 40; round++) {
      const change = Float32Array.from({ length: 200 }, () => random.uniform() - 0.5)
      const delta = deltaOf(one(change), zeros, { maxNorm: null, encoding, owed })
      owed = delta.residual
      const sent = await read(delta, 200)
      for (let index = 0; index < 200; index++) {
        changed[index]! += change[index]!
        arrived[index]! += sent[index]!
      }
    }
    const furthest = Math.max(...changed.map((sum, index) => Math.abs(sum - arrived[index]!)))
    expect(furthest).toBeLessThan(half + 1e-4)
    expect(furthest).toBeGreaterThan(half / 4)
  },
)

test('a rounded delta is within the bound as its reader sees it', async () => {
  const random = createRandom(3, 'bound')
  for (const encoding of ['bf16', 'int8', 'int4'] as const) {
    for (let trial = 0; trial < 10; trial++) {
      const change = Float32Array.from({ length: 200 }, () => 4 * random.uniform() - 2)
      const norm = Math.hypot(...(await read(deltaOf(one(change), zeros, { maxNorm: 1.7, encoding }), 200)))
      expect(norm).toBeLessThanOrEqual(1.7)
      expect(norm).toBeGreaterThan(1.69)
    }
  }
})

test('tensors that are not those of the adapter are refused by name', () => {
  const missing = new Map([...trained].slice(0, 1))
  expect(() => deltaOf(missing, received, plain)).toThrow(
    'tensor "m.lora_B.weight" expected shape (2, 1), got none',
  )
  const turned = new Map([...trained]).set('m.lora_A.weight', {
    shape: [2, 1],
    data: new Float32Array([3, 2]),
  })
  expect(() => deltaOf(turned, received, plain)).toThrow(
    'tensor "m.lora_A.weight" expected shape (1, 2), got (2, 1)',
  )
  const extra = new Map([...trained]).set('bias', { shape: [1], data: new Float32Array([4]) })
  expect(() => deltaOf(extra, received, plain)).toThrow('tensor "bias" is not one of the adapter')
})

test('a change that is not finite is refused by name', () => {
  expect(() => deltaOf(tensors([Number.NaN, 2], [3, 4]), received, plain)).toThrow('tensor "m.lora_A.weight"')
})

const residual = (delta: ReturnType<typeof deltaOf>): number[] =>
  [...(delta.residual?.values() ?? [])].flatMap(({ data }) => [...data])

function numbers(bytes: Uint8Array): number[] {
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return [...new Float32Array(Uint8Array.from(bytes.subarray(8 + headerBytes)).buffer)]
}

test('an update with noise is the clipped change and noise of the size that was asked for', () => {
  const count = 20_000
  const wide = (value: number): TensorMap =>
    new Map([['w', { shape: [count], data: new Float32Array(count).fill(value) }]])
  const options = { ...plain, maxNorm: 2, noise: { multiplier: 0.5 } }
  const { bytes, norm } = deltaOf(wide(0.25), wide(0), options)
  const noise = numbers(bytes).map((value) => value - 2 / Math.sqrt(count)) // clipped from norm 35
  const variance = noise.reduce((sum, x) => sum + x * x, 0) / count
  expect(Math.abs(variance - 1)).toBeLessThan(6 * Math.sqrt(2 / count))
  expect(norm).toBeCloseTo(0.25 * Math.sqrt(count), 4)
  expect(numbers(deltaOf(wide(0.25), wide(0), options).bytes)).not.toEqual(numbers(bytes))
  expect(() => deltaOf(wide(0.25), wide(0), { ...options, maxNorm: null })).toThrow(
    'noise expected a maxUpdateNorm',
  )
})
