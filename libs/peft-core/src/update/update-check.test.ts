import { createHash } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkUpdate, startUpdateCheck } from './update-check.js'
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
  return checkUpdate(path, { sha256: null, shapes, maxNorm, encodings }).then(
    () => expect.fail('the update passed'),
    (error: UpdateFault) => error,
  )
}

describe('checkUpdate', () => {
  test('an update that fits gives its hash, its size and its norm', async () => {
    const bytes = bytesOf({ __metadata__: { format: 'pt', lorica: 'delta' }, ...entries }, values)
    const checked = await checkUpdate(await staged(bytes), { sha256: null, shapes, maxNorm: null, encodings })
    expect(checked.sha256).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(checked.sizeBytes).toBe(bytes.byteLength)
    expect(checked.norm).toBeCloseTo(Math.sqrt(85 ** 2 + 0.5), 10)
  })

  test('a file that is not the one that was announced is refused before all else', async () => {
    const bytes = bytesOf(entries, values.with(9, Number.NaN))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const flipped = Uint8Array.from(bytes)
    flipped[3]! ^= 64 // in the length of the header
    const ask = async (file: Uint8Array) =>
      checkUpdate(await staged(file), { sha256, shapes, maxNorm: null, encodings })
    await expect(ask(bytes)).rejects.toMatchObject({ kind: 'finite' })
    await expect(ask(flipped)).rejects.toMatchObject({ kind: 'hash', expected: sha256 })
    await expect(ask(bytes.subarray(0, 40))).rejects.toMatchObject({ kind: 'hash', expected: sha256 })
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
      checkUpdate(await staged(bytes), { sha256: null, shapes, maxNorm: norm * (1 - 1e-6), encodings }),
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

describe('startUpdateCheck', () => {
  const count = 40_003
  const large = new Map([['big', [count]]])
  const data = Array.from({ length: count }, (_, index) => Math.fround(Math.sin(index) / 3))
  const bytes = bytesOf({ big: { dtype: 'F32', shape: [count], data_offsets: [0, count * 4] } }, data)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const expectation = { sha256, shapes: large, maxNorm: null, encodings }
  const missing = '/nonexistent/update.part'

  test('the bytes that it took are not read again, and the norm is the same to the bit however they were cut', async () => {
    const whole = await checkUpdate(await staged(bytes), expectation)
    expect(whole.norm).toBeCloseTo(Math.hypot(...data), 10)
    for (const size of [1021, 4096, 65_537, bytes.byteLength]) {
      const check = startUpdateCheck(bytes.byteLength, expectation)
      for (let at = 0; at < bytes.byteLength; at += size) check.take(at, bytes.subarray(at, at + size))
      expect(await check.finish(missing)).toEqual(whole)
    }
  })

  test('bytes that do not follow on are not taken, and are read from the file', async () => {
    const check = startUpdateCheck(bytes.byteLength, expectation)
    check.take(0, bytes.subarray(0, 5000))
    check.take(2500, bytes.subarray(2500, 5000))
    check.take(9000, bytes.subarray(9000, 9500))
    check.take(5000, bytes.subarray(5000, 5001))
    const { norm } = await check.finish(await staged(bytes))
    expect(norm).toBeCloseTo(Math.hypot(...data), 10)
  })

  test('a header longer than what is kept of an update on its way is read from the file', async () => {
    const metadata = { format: 'pt', lorica: 'delta', note: 'x'.repeat(1_200_000) }
    const long = bytesOf({ __metadata__: metadata, ...entries }, values)
    const hash = createHash('sha256').update(long).digest('hex')
    const check = startUpdateCheck(long.byteLength, { sha256: hash, shapes, maxNorm: null, encodings })
    for (let at = 0; at < long.byteLength; at += 262_144) check.take(at, long.subarray(at, at + 262_144))
    expect((await check.finish(await staged(long))).norm).toBeCloseTo(Math.sqrt(85 ** 2 + 0.5), 10)
  })

  test('a value that is not finite is named by its tensor, from the file', async () => {
    const bad = bytesOf(entries, values.with(4, Number.NEGATIVE_INFINITY))
    const hash = createHash('sha256').update(bad).digest('hex')
    const check = startUpdateCheck(bad.byteLength, { sha256: hash, shapes, maxNorm: null, encodings })
    check.take(0, bad)
    await expect(check.finish(await staged(bad))).rejects.toMatchObject({
      ...{ kind: 'finite', tensor: 'q.lora_A.weight', received: '-Infinity' },
    })
  })
})
