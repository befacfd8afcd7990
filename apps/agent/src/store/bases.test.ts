import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashModel } from '@lorica/peft-core'
import type { FileReference } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BaseReference, openBases } from './bases.js'
import { openBlobs } from './blobs.js'

let scratch = ''
let base: BaseReference
const pulled: string[] = []

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lorica-bases-'))
  await mkdir(join(scratch, 'source'))
  await writeFile(join(scratch, 'source', 'config.json'), '{"model_type":"llama"}')
  await writeFile(join(scratch, 'source', 'model.safetensors'), Uint8Array.of(5, 4, 3, 2))
  await writeFile(join(scratch, 'source', 'tokenizer.json'), '{}')
  const { sha256, files } = await hashModel(join(scratch, 'source'))
  base = { sha256, files: [...files] }
  pulled.length = 0
})
afterEach(() => rm(scratch, { recursive: true, force: true }))

function open(own?: string) {
  const blobs = openBlobs(join(scratch, 'blobs'), async ({ path }: FileReference, offset, append) => {
    pulled.push(path)
    await append((await readFile(join(scratch, 'source', path))).subarray(offset))
  })
  return openBases({ folder: join(scratch, 'bases'), blobs, own })
}

test('a base is put together as an ordinary folder from verified files', async () => {
  const path = await open().pathOf(base)
  expect(path).toBe(join(scratch, 'bases', base.sha256))
  expect((await readdir(path)).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
  expect([...(await readFile(join(path, 'model.safetensors')))]).toEqual([5, 4, 3, 2])
  expect(await readdir(join(scratch, 'bases'))).toEqual([base.sha256])
})

test('a base that is here is not downloaded again, now or after a restart', async () => {
  const bases = open()
  expect(await bases.pathOf(base)).toBe(await bases.pathOf(base))
  await open().pathOf(base)
  expect(pulled).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
})

test('what is missing of a base is what has to be downloaded', async () => {
  const total = base.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  expect(await open().missingBytes(base)).toBe(total)
  expect(await open(join(scratch, 'source')).missingBytes(base)).toBe(0)
  await open().pathOf(base)
  expect(await open().missingBytes(base)).toBe(0)
})

test('a base that changed on disk is repaired', async () => {
  const path = await open().pathOf(base)
  await writeFile(join(path, 'model.safetensors'), Uint8Array.of(5, 4, 3, 7))
  expect(await open().pathOf(base)).toBe(path)
  expect([...(await readFile(join(path, 'model.safetensors')))]).toEqual([5, 4, 3, 2])
  expect(pulled.slice(3)).toEqual(['model.safetensors'])
})

test('files that do not add up to the announced base are refused and leave no base', async () => {
  const other = { ...base, sha256: createHash('sha256').update('other').digest('hex') }
  await expect(open().pathOf(other)).rejects.toMatchObject({
    ...{ code: 'LRC-6007', expected: `sha256 ${other.sha256}`, received: `sha256 ${base.sha256}` },
  })
  expect(await readdir(join(scratch, 'bases'))).toEqual([])
})

test('a base that the owner gave is used in place, and only if it is the one of the run', async () => {
  const own = join(scratch, 'source')
  expect(await open(own).pathOf(base)).toBe(own)
  await writeFile(join(own, 'config.json'), '{"model_type":"gpt2"}')
  await expect(open(own).pathOf(base)).rejects.toMatchObject({
    ...{ code: 'LRC-3003', expected: `a base with hash ${base.sha256}` },
  })
  expect(pulled).toEqual([])
})
