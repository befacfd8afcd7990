import { createHash } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkUpdate } from './contribution.js'
import type { UpdateFault } from './update-fault.js'
import { updateChunks } from './update-file.js'

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const shapes = new Map([
  ['q.lora_A.weight', [2, 3]],
  ['q.lora_B.weight', [3, 2]],
])
const entries: Record<string, Entry> = {
  'q.lora_A.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  'q.lora_B.weight': { dtype: 'F32', shape: [3, 2], data_offsets: [24, 48] },
}
const values = [3, -4, 12, 0.5, 0, 0, 84, 0, 0, 0, 0, 0.5]

function bytesOf(header: unknown, data: readonly number[]): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  return Buffer.concat([length, json, Buffer.from(Float32Array.from(data).buffer)])
}

const encodings = ['f32'] as const

async function staged(bytes: Uint8Array): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'lorica-update-')), 'update.part')
  await writeFile(path, bytes)
  return path
}

async function faultOf(bytes: Uint8Array, maxNorm: number | null = null): Promise<UpdateFault> {
  const path = await staged(bytes)
  return checkUpdate(path, { shapes, maxNorm, encodings }).then(
    () => expect.fail('the update passed'),
    (error: UpdateFault) => error,
  )
}

describe('checkUpdate', () => {
  test('an update that fits gives its hash, its size and its norm', async () => {
    const bytes = bytesOf({ __metadata__: { format: 'pt', lorica: 'delta' }, ...entries }, values)
    const checked = await checkUpdate(await staged(bytes), { shapes, maxNorm: null, encodings })
    expect(checked.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(checked.sizeBytes).toBe(bytes.byteLength)
    expect(checked.norm).toBeCloseTo(Math.sqrt(85 ** 2 + 0.5), 10)
  })

  test('a missing, an extra and a misshapen tensor are named', async () => {
    const { 'q.lora_A.weight': a } = entries
    const missing = await faultOf(bytesOf({ 'q.lora_A.weight': a }, values.slice(0, 6)))
    expect([missing.kind, missing.received]).toEqual(['names', 'none named q.lora_B.weight'])
    const extra = await faultOf(
      bytesOf({ ...entries, z: { dtype: 'F32', shape: [1], data_offsets: [48, 52] } }, [...values, 7]),
    )
    expect([extra.kind, extra.received]).toEqual(['names', 'also z'])
    const shape = await faultOf(bytesOf({ ...entries, 'q.lora_A.weight': { ...a, shape: [3, 2] } }, values))
    expect([shape.kind, shape.tensor, shape.expected, shape.received]).toEqual([
      'shape',
      'q.lora_A.weight',
      'shape [2, 3]',
      '[3, 2]',
    ])
  })

  test('halves instead of floats are refused by element type', async () => {
    const fault = await faultOf(
      bytesOf(
        { ...entries, 'q.lora_A.weight': { ...entries['q.lora_A.weight'], dtype: 'F16', shape: [2, 6] } },
        values,
      ),
    )
    expect([fault.kind, fault.tensor, fault.received]).toEqual(['element', 'q.lora_A.weight', 'float16'])
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%s is refused by tensor',
    async (bad) => {
      const fault = await faultOf(bytesOf(entries, values.with(9, bad)))
      expect([fault.kind, fault.tensor, fault.received]).toEqual(['finite', 'q.lora_B.weight', String(bad)])
    },
  )

  test('a norm above the bound is refused, and one above by rounding is not', async () => {
    const bytes = bytesOf(entries, values)
    const norm = Math.sqrt(85 ** 2 + 0.5)
    expect((await faultOf(bytes, 84.9)).kind).toBe('norm')
    await expect(
      checkUpdate(await staged(bytes), { shapes, maxNorm: norm * (1 - 1e-6), encodings }),
    ).resolves.toBeDefined()
  })

  test('headers that lie about sizes and offsets are refused before any tensor is read', async () => {
    const overlapping = {
      ...entries,
      'q.lora_B.weight': { ...entries['q.lora_B.weight'], data_offsets: [0, 24] },
    }
    const gap = { ...entries, 'q.lora_B.weight': { ...entries['q.lora_B.weight'], data_offsets: [28, 52] } }
    const huge = Buffer.from('ffffffffffffff7f7b7d', 'hex')
    for (const bytes of [
      bytesOf(overlapping, values.slice(0, 6)),
      bytesOf(gap, [...values, 0]),
      bytesOf(entries, values.slice(0, 11)),
      bytesOf([], []),
      bytesOf({ ...entries, 'q.lora_A.weight': null }, values),
      Buffer.concat([bytesOf(entries, values).subarray(0, 30)]),
      huge,
      Buffer.alloc(3),
    ]) {
      expect(['format', 'element']).toContain((await faultOf(bytes)).kind)
    }
  })

  test('a large tensor arrives in pieces that join without a gap', async () => {
    const count = 150_001
    const data = Array.from({ length: count }, (_, index) => index % 4093)
    const path = await staged(
      bytesOf({ big: { dtype: 'F32', shape: [count], data_offsets: [0, count * 4] } }, data),
    )
    let next = 0
    let pieces = 0
    for await (const chunk of updateChunks(path, new Map([['big', [count]]]))) {
      expect(chunk.offset).toBe(next)
      expect(chunk.values[0]).toBe(next % 4093)
      next += chunk.values.length
      pieces++
    }
    expect([next, pieces]).toEqual([count, 3])
  })

  test('tensors that share a read, cross its end or are empty keep their names and offsets', async () => {
    const counts = [3, 65_530, 10, 0, 131_075, 2]
    const total = counts.reduce((sum, count) => sum + count, 0)
    const data = Array.from({ length: total }, (_, index) => index % 8191)
    let start = 0
    const header = Object.fromEntries(
      counts.map((count, index) => {
        const offsets = [start * 4, (start + count) * 4]
        start += count
        return [`t${index}`, { dtype: 'F32', shape: [count], data_offsets: offsets }]
      }),
    )
    const found = counts.map(() => [] as number[])
    const wanted = new Map(counts.map((count, index) => [`t${index}`, [count]]))
    for await (const { name, offset, values } of updateChunks(await staged(bytesOf(header, data)), wanted)) {
      const tensor = found[Number(name.slice(1))]!
      expect(offset).toBe(tensor.length)
      for (const value of values) tensor.push(value)
    }
    expect(found.flat()).toEqual(data)
    expect(found.map(({ length }) => length)).toEqual(counts)
  })
})
