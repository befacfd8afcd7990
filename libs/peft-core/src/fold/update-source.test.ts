import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TensorMap } from '../adapter/tensor.js'
import { averaged, randomTensor } from '../aggregate/agents.fixture.js'
import { openBlocking, openOnDisk, type RangeFile } from '../update/range-file.js'
import { encodeUpdate, updateEncodings } from '../update/update-encoding.js'
import { filePool } from './file-pool.js'
import { tensorSource } from './tensor-source.js'
import { updateSources } from './update-source.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-source-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tensors: TensorMap = new Map([
  ['a', randomTensor([3, 71], 'a')],
  ['b', randomTensor([2, 401], 'b')],
])
const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))

test.each(updateEncodings)(
  'a range of an update in %s, wherever it begins, has the values that the bytes stand for',
  async (encoding) => {
    const { bytes, values } = encodeUpdate(tensors, encoding)
    const path = join(folder, encoding)
    await writeFile(path, bytes)
    await using pool = filePool(openOnDisk)
    const source = await updateSources(shapes, pool)(path)
    for (const [name, start, count] of [
      ['a', 0, 213],
      ['b', 0, 1],
      ['b', 64, 200],
      ['b', 131, 671],
      ['a', 7, 1],
    ] as const) {
      const into = new Float32Array(count)
      await source.read(name, start, into)
      expect(into, `${name} from ${start}`).toEqual(values.get(name)!.data.slice(start, start + count))
    }
    await expect(source.read('a', 200, new Float32Array(14))).rejects.toThrow(
      'tensor "a" expected values up to 214, got 213',
    )
    await expect(source.read('c', 0, new Float32Array(1))).rejects.toThrow('got 0')
  },
)

test('a pool keeps some files open, closes the one that was not read for longest, and reads all the same', async () => {
  let [open, most, opened] = [0, 0, 0]
  const counted = async (path: string): Promise<RangeFile> => {
    const file = await openOnDisk(path)
    open++
    opened++
    most = Math.max(most, open)
    return {
      ...file,
      close: async () => {
        open--
        await file.close()
      },
    }
  }
  const { bytes, values } = encodeUpdate(tensors, 'f32')
  const paths = Array.from({ length: 9 }, (_, at) => join(folder, `pool-${at}`))
  for (const path of paths) await writeFile(path, bytes)
  {
    await using pool = filePool(counted, 3)
    const sources = []
    for (const path of paths) sources.push(await updateSources(shapes, pool)(path))
    const into = new Float32Array(5)
    for (const source of [...sources, ...sources.toReversed()]) {
      await source.read('b', 10, into)
      expect(into).toEqual(values.get('b')!.data.slice(10, 15))
    }
  }
  expect({ open, most }).toEqual({ open: 0, most: 4 }) // one more while it is read
  expect(opened).toBeGreaterThan(9)
})

test('the average of mixed encodings is that of what their bytes stand for, to the bit, whatever the order of arrival', async () => {
  await using pool = filePool(openOnDisk)
  const open = updateSources(shapes, pool)
  const encoded = updateEncodings.map((encoding, at) => ({
    ...{ id: `u${at}`, weight: 3 + at },
    ...encodeUpdate(
      new Map(
        [...tensors].map(([name]) => [
          name,
          randomTensor(shapes.get(name) as [number, number], `${at} ${name}`),
        ]),
      ),
      encoding,
    ),
  }))
  const staged = []
  for (const { id, weight, bytes } of encoded) {
    const path = join(folder, id)
    await writeFile(path, bytes)
    staged.push({ id, weight, tensors: await open(path) })
  }
  const plain = encoded.map(({ id, weight, values }) => ({ id, weight, tensors: tensorSource(values) }))
  const forward = await averaged(tensors, staged)
  expect(await averaged(tensors, staged.toReversed())).toEqual(forward)
  expect(await averaged(tensors, plain)).toEqual(forward)
})

test('reads that keep the thread give the same sums as reads ahead, over many blocks and groups of terms', async () => {
  const wide = new Map([
    ['x', [3, 30_001]],
    ['y', [2, 17]],
  ] as const)
  const start: TensorMap = new Map([...wide].map(([name, shape]) => [name, randomTensor([...shape], name)]))
  const updates = Array.from({ length: 7 }, (_, at): TensorMap => {
    return new Map([...wide].map(([name, shape]) => [name, randomTensor([...shape], `${at} ${name}`)]))
  })
  const paths = updates.map((_, at) => join(folder, `wide-${at}`))
  for (const [at, update] of updates.entries()) await writeFile(paths[at]!, encodeUpdate(update, 'f32').bytes)
  const sums = []
  for (const open of [openOnDisk, openBlocking]) {
    await using pool = filePool(open)
    const source = updateSources(wide, pool)
    const staged = []
    for (const [at, path] of paths.entries())
      staged.push({ id: `u${at}`, weight: 1 + at, tensors: await source(path) })
    sums.push(await averaged(start, staged))
  }
  const [ahead, blocking] = sums as [TensorMap, TensorMap]
  expect(blocking).toEqual(ahead)
  const at = 65_537 // beyond two blocks
  const mean = updates.reduce((sum, update, index) => sum + (1 + index) * update.get('x')!.data[at]!, 0) / 28
  expect(blocking.get('x')!.data[at]).toBeCloseTo(start.get('x')!.data[at]! + mean, 6)
})
