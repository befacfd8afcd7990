import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeSafetensors } from '../adapter/safetensors.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import type { RawTensor, Tensor, TensorMap } from '../adapter/tensor.js'
import { createRandom } from '../train/random.js'
import { checkUpdate } from './update-check.js'
import { encodeUpdate, type UpdateEncoding, updateDataBytes, updateEncodings } from './update-encoding.js'
import type { UpdateFault } from './update-fault.js'
import { updateChunks } from './update-file.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-encoding-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let written = 0
async function staged(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${written++}.safetensors`)
  await writeFile(path, bytes)
  return path
}

function drawn(seed: number, sizes: Readonly<Record<string, readonly number[]>>): TensorMap {
  const random = createRandom(seed, 'update')
  return new Map(
    Object.entries(sizes).map(([name, shape]) => {
      const count = shape.reduce((product, side) => product * side, 1)
      const data = Float32Array.from({ length: count }, () => (random.uniform() - 0.5) * 3e-3)
      return [name, { shape, data }]
    }),
  )
}

const sizes = { 'q.lora_A.weight': [3, 71], 'q.lora_B.weight': [5, 1], 'v.lora_A.weight': [2, 70_001] }
const shapes = new Map(Object.entries(sizes))

async function valuesIn(path: string): Promise<ReadonlyMap<string, Float32Array>> {
  const found = new Map<string, Float32Array>()
  for await (const { name, offset, values } of updateChunks(path, shapes)) {
    const before = found.get(name) ?? new Float32Array(0)
    expect(offset).toBe(before.length)
    const joined = new Float32Array(offset + values.length)
    joined.set(before)
    joined.set(values, offset)
    found.set(name, joined)
  }
  return found
}

const bytesOf = (values: Float32Array | undefined) =>
  values === undefined ? Buffer.alloc(0) : Buffer.from(values.buffer, values.byteOffset, values.byteLength)
const isSame = (left: Float32Array | undefined, right: Float32Array | undefined) =>
  bytesOf(left).equals(bytesOf(right))

describe.each(updateEncodings)('an update in %s', (encoding) => {
  const update = drawn(41, sizes)

  test('is read from disk as what its writer says it stands for', async () => {
    const { bytes, values } = encodeUpdate(update, encoding)
    const read = await valuesIn(await staged(bytes))
    for (const [name, { data }] of values) expect(isSame(read.get(name), data)).toBe(true)
  })

  test('passes the checks with its norm, and not where another encoding is expected', async () => {
    const { bytes, values, sizes: partBytes } = encodeUpdate(update, encoding)
    const path = await staged(bytes)
    const checked = await checkUpdate(path, { sha256: null, shapes, maxNorm: null, encodings: [encoding] })
    const squares = [...values.values()].flatMap(({ data }) => [...data]).reduce((sum, x) => sum + x * x, 0)
    expect(checked.norm).toBeCloseTo(Math.sqrt(squares), 9)
    expect(checked.encoding).toBe(encoding)
    const dataBytes = [...partBytes.values()].reduce((sum, part) => sum + part, 0)
    expect(updateDataBytes(shapes.values(), encoding)).toBe(dataBytes)
    const others = updateEncodings.filter((other) => other !== encoding)
    await expect(
      checkUpdate(path, { sha256: null, shapes, maxNorm: null, encodings: others }),
    ).rejects.toMatchObject({
      ...{ kind: 'element', received: encoding },
    })
  })
})

test('the values of 140,220 parameters take 4, 2, 1.03 and 0.53 bytes each', () => {
  const total = 3 * 71 + 5 + 2 * 70_001
  const each = updateEncodings.map((encoding) => updateDataBytes(shapes.values(), encoding) / total)
  expect(each.map((bytes) => bytes.toFixed(2))).toEqual(['4.00', '2.00', '1.03', '0.53'])
})

test('bfloat16 rounds to nearest even and the file says what it is', () => {
  // 1.00390625 = 1 + 2^-8 lies between two bfloat16 numbers, and so does 1.01171875 = 1 + 3 * 2^-8.
  const tensor: Tensor = { shape: [3], data: Float32Array.of(1.00390625, 1.01171875, -3.1416015625) }
  const { bytes, values } = encodeUpdate(new Map([['m', tensor]]), 'bf16')
  expect([...(values.get('m')?.data ?? [])]).toEqual([1, 1.015625, -3.140625])
  expect(Buffer.from(bytes).toString('latin1')).toContain('"encoding":"bf16"')
  expect(decodeSafetensors(bytes).get('m')?.element).toBe('bfloat16')
})

describe('a hostile update', () => {
  const parts = (encoding: UpdateEncoding) => decodeSafetensors(encodeUpdate(drawn(5, sizes), encoding).bytes)
  const metadata = { format: 'pt', lorica: 'delta' }

  async function faultOf(
    tensors: ReadonlyMap<string, RawTensor>,
    encoding: string,
    maxNorm: number | null = null,
  ): Promise<UpdateFault> {
    const path = await staged(encodeSafetensors(tensors, { ...metadata, encoding }))
    return checkUpdate(path, { sha256: null, shapes, maxNorm, encodings: updateEncodings }).then(
      () => expect.fail('the update passed'),
      (error: UpdateFault) => error,
    )
  }
  const changed = (encoding: UpdateEncoding, name: string, change: Partial<RawTensor>) => {
    const all = new Map(parts(encoding))
    return all.set(name, { ...(all.get(name) as RawTensor), ...change })
  }

  test('with scales that are not finite is refused by the tensor', async () => {
    for (const bits of [0x7f80, 0xff80, 0x7fc1]) {
      const scales = new Uint16Array(4).fill(0x3c00)
      scales[3] = bits
      const bytes = new Uint8Array(scales.buffer)
      const fault = await faultOf(changed('int8', 'q.lora_A.weight.scales', { bytes }), 'int8')
      expect([fault.kind, fault.tensor]).toEqual(['finite', 'q.lora_A.weight'])
    }
  })

  test('with huge scales is refused by its norm', async () => {
    const bytes = new Uint8Array(new Uint16Array(4).fill(0x4b00).buffer)
    const fault = await faultOf(changed('int4', 'q.lora_A.weight.scales', { bytes }), 'int4', 5)
    expect(fault.kind).toBe('norm')
  })

  test('with scales too few, of another element, or of no tensor is refused', async () => {
    const few = { shape: [3], bytes: new Uint8Array(6) }
    const fewer = await faultOf(changed('int8', 'q.lora_A.weight.scales', few), 'int8')
    expect([fewer.kind, fewer.tensor, fewer.expected, fewer.received]).toEqual([
      ...['shape', 'q.lora_A.weight.scales', 'shape [4]', '[3]'],
    ])
    const half = await faultOf(changed('int8', 'q.lora_A.weight.scales', { element: 'float16' }), 'int8')
    expect([half.kind, half.received]).toEqual(['element', 'float16'])
    const missing = new Map(parts('int4'))
    missing.delete('v.lora_A.weight.scales')
    expect((await faultOf(missing, 'int4')).received).toBe('none named v.lora_A.weight.scales')
    const extra: RawTensor = { element: 'bfloat16', shape: [1], bytes: new Uint8Array(2) }
    const stray = await faultOf(new Map(parts('int4')).set('z.scales', extra), 'int4')
    expect([stray.kind, stray.received]).toEqual(['names', 'also z.scales'])
  })

  test('with codes too few or of another element is refused', async () => {
    const name = 'q.lora_B.weight'
    const few = await faultOf(changed('int4', name, { shape: [2], bytes: new Uint8Array(2) }), 'int4')
    expect([few.kind, few.expected]).toEqual(['shape', 'shape [3]'])
    const signed = await faultOf(changed('int4', name, { element: 'int8' }), 'int4')
    expect([signed.kind, signed.expected, signed.received]).toEqual(['element', 'uint8', 'int8'])
  })

  test('that says another encoding than its bytes have, or an unknown one, is refused', async () => {
    expect((await faultOf(parts('int8'), 'int4')).kind).toBe('element')
    expect((await faultOf(parts('bf16'), 'f32')).received).toBe('bfloat16')
    const unknown = await faultOf(parts('f32'), 'float8')
    expect([unknown.kind, unknown.received]).toEqual(['element', 'float8'])
    expect((await faultOf(parts('int8'), 'f32')).kind).toMatch(/names|element/)
  })

  test('whose tensor has the name of scales cannot be written', () => {
    const one: Tensor = { shape: [2], data: Float32Array.of(2, 3) }
    const both = new Map([
      ['m', one],
      ['m.scales', one],
    ])
    expect(() => encodeUpdate(both, 'int8')).toThrow('scales')
  })
})
