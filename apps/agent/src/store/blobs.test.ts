import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileReference } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBlobs } from './blobs.js'

const texts = ['three old words', 'two words', 'one']
const bytesOf = new Map<string, Buffer>()
const [old, kept, fresh] = texts.map((text): FileReference => {
  const bytes = Buffer.from(text)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  bytesOf.set(sha256, bytes)
  return { path: text.replaceAll(' ', '-'), sha256, sizeBytes: bytes.byteLength }
}) as [FileReference, FileReference, FileReference]

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-blobs-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = () =>
  openBlobs(folder, async ({ sha256 }, offset, append) => append(bytesOf.get(sha256)!.subarray(offset)))
const names = async () =>
  (await readdir(folder, { recursive: true }))
    .filter((path) => path.includes('/'))
    .map((path) => path.slice(3))

test('what nobody needs goes, also what an earlier process left, and what was just asked for stays once', async () => {
  const before = open()
  await before.ensure(old)
  await before.ensure(kept)
  const part = join(folder, old.sha256.slice(0, 2), `${'0'.repeat(64)}.part`)
  await writeFile(part, 'half')
  const blobs = open()
  await blobs.ensure(fresh)
  await blobs.prune(new Set([kept.sha256]))
  expect((await names()).sort()).toEqual([kept.sha256, fresh.sha256].sort())
  await blobs.prune(new Set([kept.sha256]))
  expect(await names()).toEqual([kept.sha256])
  await blobs.ensure(old)
  expect(await names()).toContain(old.sha256)
})

test('what is half here is missing by half', async () => {
  const blobs = open()
  await blobs.ensure(kept)
  expect(await blobs.missingBytes([old, kept, fresh])).toBe(15 + 3)
  const shelf = join(folder, fresh.sha256.slice(0, 2))
  await mkdir(shelf, { recursive: true })
  await writeFile(join(shelf, `${fresh.sha256}.part`), 'on')
  expect(await blobs.missingBytes([old, kept, fresh])).toBe(15 + 1)
})
