import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { decodeSafetensors, readSafetensors, readSafetensorsHeader } from './safetensors.js'
import { parseSafetensorsHeader } from './safetensors-header.js'
import { encodeSafetensors, writeSafetensors } from './safetensors-write.js'
import type { RawTensor } from './tensor.js'
import { floatTensor, integerValues, storedAs } from './values.js'

// Written by safetensors 0.8.0 for Python: {'b.weight': f32 [[1.5, -2]], 'a': i64 [3], 'h': bf16 [0.1]}
const header =
  '{"__metadata__":{"format":"pt"},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
  '"b.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"h":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}}    '
const data = '03000000000000000000c03f000000c0cd3d'
const pythonFile = fileOf(header, Buffer.from(data, 'hex'))

function fileOf(json: string, values: Uint8Array): Buffer {
  const text = Buffer.from(json)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, values])
}

const threeTensors = new Map<string, RawTensor>([
  ['h', storedAs({ shape: [1], data: Float32Array.of(0.1) }, 'bfloat16')],
  ['b.weight', storedAs({ shape: [1, 2], data: Float32Array.of(1.5, -2) }, 'float32')],
  ['a', { element: 'int64', shape: [1], bytes: new Uint8Array(BigInt64Array.of(3n).buffer) }],
])

const refusal = (json: string, dataBytes: number) => () =>
  decodeSafetensors(fileOf(json, new Uint8Array(dataBytes)))

test('a file has the bytes that the Python library writes for the same tensors', () => {
  expect(Buffer.from(encodeSafetensors(threeTensors)).equals(pythonFile)).toBe(true)
})

test('a file of the Python library reads back as its numbers', () => {
  const tensors = decodeSafetensors(pythonFile)
  expect([...tensors.keys()]).toEqual(['a', 'b.weight', 'h'])
  expect([...integerValues(tensors.get('a') as RawTensor)]).toEqual([3])
  expect(floatTensor(tensors.get('b.weight') as RawTensor)).toEqual({
    shape: [1, 2],
    data: Float32Array.of(1.5, -2),
  })
  expect(floatTensor(tensors.get('h') as RawTensor).data[0]).toBe(0.10009765625)
})

test('names are ordered by their UTF-8 bytes within an element', () => {
  const one = storedAs({ shape: [], data: Float32Array.of(2) }, 'float32')
  const names = ['😀', '\uffee', 'b.10', 'b.1', 'é"\\\n']
  const file = encodeSafetensors(new Map(names.map((name) => [name, one])))
  expect([...decodeSafetensors(file).keys()]).toEqual(['b.1', 'b.10', 'é"\\\n', '\uffee', '😀'])
})

test('a slice says where its bytes lie in the file', () => {
  const slice = parseSafetensorsHeader(pythonFile.subarray(0, 220), pythonFile.length).tensors.get('b.weight')
  expect(slice).toEqual({ element: 'float32', shape: [1, 2], offset: 8 + 208 + 8, sizeBytes: 8 })
  expect(pythonFile.readFloatLE((slice?.offset ?? 0) + 4)).toBe(-2)
})

test('a gap, an overlap, a trailing byte and a missing byte are refused', () => {
  const two = (begin: number) =>
    `{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[${begin},${begin + 4}]}}`
  expect(refusal(two(5), 9)).toThrow(
    'tensor "y" expected to begin at byte 4 of the data, got 5 (a gap or an overlap)',
  )
  expect(refusal(two(3), 7)).toThrow(
    'tensor "y" expected to begin at byte 4 of the data, got 3 (a gap or an overlap)',
  )
  expect(refusal(two(4), 9)).toThrow('the tensors take 8 bytes, the file has 9 bytes of data')
  expect(refusal(two(4), 7)).toThrow('the tensors take 8 bytes, the file has 7 bytes of data')
})

test('an entry that contradicts itself is refused with what was expected', () => {
  const entry = (fields: string) => `{"x":{${fields}}}`
  expect(refusal(entry('"dtype":"F32","shape":[3],"data_offsets":[0,8]'), 8)).toThrow(
    'tensor "x" (3) of F32 expected 12 bytes, got 8',
  )
  expect(refusal(entry('"dtype":"F32","shape":[3],"data_offsets":[0,16]'), 16)).toThrow(
    'expected 12 bytes, got 16',
  )
  expect(refusal(entry('"dtype":"F4","shape":[2],"data_offsets":[0,1]'), 1)).toThrow('got "F4"')
  expect(refusal(entry('"dtype":"U8","shape":[-2],"data_offsets":[0,2]'), 2)).toThrow('got [-2]')
  expect(refusal(entry('"dtype":"U8","shape":[2],"data_offsets":[2,0]'), 2)).toThrow(
    'expected 2 bytes, got -2',
  )
  expect(refusal(entry('"dtype":"U8","shape":[2],"data_offsets":[0,2],"z":1'), 2)).toThrow('field "z"')
  expect(refusal(entry('"dtype":"U8","shape":[94906267,94906267],"data_offsets":[0,2]'), 2)).toThrow(
    'too many values',
  )
})

test('a name that appears twice is refused, however it is escaped', () => {
  const entry = '{"dtype":"U8","shape":[2],"data_offsets":[0,2]}'
  expect(refusal(`{"x":${entry},"\\u0078":${entry}}`, 2)).toThrow('"x" appears twice')
  expect(refusal('{"x":{"dtype":"U8","dtype":"I8","shape":[2],"data_offsets":[0,2]}}', 2)).toThrow(
    '"dtype" appears twice',
  )
})

test('a header that is too long, no JSON object or no UTF-8 is refused', () => {
  const long = fileOf('{}', new Uint8Array(40))
  long.writeBigUInt64LE(2n ** 60n)
  expect(() => decodeSafetensors(long)).toThrow('expected a safetensors header of at most 42 bytes')
  expect(() => decodeSafetensors(Buffer.from('PK'))).toThrow('8 bytes or more, got 2')
  expect(refusal('[1]', 0)).toThrow('expected a JSON object')
  expect(refusal(' {}', 0)).toThrow('begins with "{"')
  expect(refusal('{"__metadata__":{"a":3}}', 0)).toThrow('metadata "a" expected text, got 3')
  const latin = fileOf('{"~":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', new Uint8Array(2))
  expect([...decodeSafetensors(latin).keys()]).toEqual(['~'])
  latin[latin.indexOf('~')] = 0xe9
  expect(() => decodeSafetensors(latin)).toThrow('safetensors header: The encoded data was not valid')
})

test('reading a file names it in errors, reads only what is asked for, and never opens a pickle', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'model.safetensors')
  await writeFile(path, pythonFile)
  expect([...(await readSafetensors(path, ['h'])).keys()]).toEqual(['h'])
  expect((await readSafetensorsHeader(path)).metadata.get('format')).toBe('pt')
  await expect(readSafetensors(path, ['c'])).rejects.toThrow(`${path}: expected a tensor "c"`)
  await writeFile(path, pythonFile.subarray(0, 230))
  await expect(readSafetensors(path)).rejects.toThrow(
    `${path}: the tensors take 18 bytes, the file has 14 bytes of data`,
  )
  await expect(readSafetensors(join(folder, 'absent.bin'))).rejects.toThrow(
    'a pickle, which can run code and is never opened',
  )
})

test('tensors that cannot be written are refused by name', () => {
  const bytes = new Uint8Array(4)
  expect(() => encodeSafetensors(new Map([['w', { element: 'float32', shape: [2], bytes }]]))).toThrow(
    '"w" (2) expected 8 bytes',
  )
  expect(() => encodeSafetensors(new Map([['w', { element: 'string', shape: [0], bytes }]]))).toThrow(
    '"w" of string',
  )
  expect(() =>
    encodeSafetensors(new Map([['__metadata__', { element: 'uint8', shape: [4], bytes }]])),
  ).toThrow('no place')
})

const rawTensors = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((name) => name !== '__metadata__'),
  fc
    .record({
      element: fc.constantFrom('float32', 'float16', 'int64', 'uint8', 'bool'),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    })
    .chain(({ element, shape }) => {
      const size = shape.reduce(
        (product, side) => product * side,
        { float32: 4, float16: 2, int64: 8, uint8: 1, bool: 1 }[element],
      )
      return fc
        .uint8Array({ minLength: size, maxLength: size })
        .map((bytes) => ({ element, shape, bytes }) as RawTensor)
    }),
  { maxKeys: 6 },
)

const plain = (tensors: ReadonlyMap<string, RawTensor>) =>
  [...tensors]
    .map(
      ([name, { element, shape, bytes }]) =>
        [name, element, [...shape], Buffer.from(bytes).toString('hex')] as const,
    )
    .sort(([left], [right]) => (left < right ? -1 : 1))

test('what is written reads back the same, whatever the names, elements and sizes', () => {
  fc.assert(
    fc.property(rawTensors, (tensors) => {
      const map = new Map(Object.entries(tensors))
      expect(plain(decodeSafetensors(encodeSafetensors(map)))).toEqual(plain(map))
    }),
  )
})

test('a file with a changed header is refused with a RangeError, or still covers its data exactly', () => {
  const size = pythonFile.length
  const change = fc.tuple(fc.nat(8 + 208 - 1), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const file = Buffer.from(pythonFile)
      for (const [at, byte] of changes) file[at] = byte
      let tensors: ReadonlyMap<string, RawTensor>
      try {
        tensors = decodeSafetensors(file)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        return
      }
      const joined = Buffer.concat([...tensors.values()].map(({ bytes }) => bytes))
      expect(joined.equals(file.subarray(size - joined.length))).toBe(true)
      expect(Number(file.readBigUInt64LE()) + 8 + joined.length).toBe(size)
    }),
    { numRuns: 3000 },
  )
})

test('tensors written one at a time are the same bytes, and a failure leaves no file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const tensors = decodeSafetensors(pythonFile)
  const path = join(folder, 'streamed.safetensors')
  await writeSafetensors(path, tensors, async (name) => tensors.get(name)?.bytes ?? new Uint8Array(0))
  expect(await readFile(path)).toEqual(pythonFile)
  const short = join(folder, 'short.safetensors')
  await expect(writeSafetensors(short, tensors, async () => new Uint8Array(3))).rejects.toThrow('got 3')
  await expect(readFile(short)).rejects.toThrow('ENOENT')
})
