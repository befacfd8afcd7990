import { createHash } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobRead, LoricaError } from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { openBlobs, type Pull } from '../store/blobs.js'
import { download } from './download.js'
import type { Request } from './link.js'
import { createPace } from './pace.js'

const content = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7 + (index >> 8)) % 251)
const file = { path: 'model.safetensors', sha256: sha256(content), sizeBytes: content.byteLength }
const limits = { chunkBytes: 16_384, windowChunks: 3 }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-download-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a blob is pulled in order with several reads under way', async () => {
  const source = sourceOf(content)
  const path = await openBlobs(folder, source.pull).ensure(file)
  expect((await readFile(path)).equals(content)).toBe(true)
  expect(source.reads.map(({ offset }) => offset)).toEqual([
    0, 16_384, 32_768, 49_152, 65_536, 81_920, 98_304,
  ])
  expect(source.reads.at(-1)?.length).toBe(1696)
  expect(source.mostUnderWay()).toBe(3)
})

test('a download that broke off goes on from what is on disk', async () => {
  const broken = sourceOf(content, { failAt: 49_152 })
  await expect(openBlobs(folder, broken.pull).ensure(file)).rejects.toThrow('link: lost')
  expect((await stat(`${pathOf(file.sha256)}.part`)).size).toBe(49_152)
  const source = sourceOf(content)
  const path = await openBlobs(folder, source.pull).ensure(file)
  expect(source.reads[0]).toMatchObject({ offset: 49_152 })
  expect(sha256(await readFile(path))).toBe(file.sha256)
})

test('bytes with another hash are pulled once more and then refused, and nothing of them stays', async () => {
  const damaged = content.slice()
  damaged[70_000] = 252
  const source = sourceOf(damaged)
  const refused = await failure(openBlobs(folder, source.pull).ensure(file))
  expect(refused).toMatchObject({ code: 'LRC-6007', expected: `sha256 ${file.sha256}` })
  expect(source.reads.filter(({ offset }) => offset === 0)).toHaveLength(2)
  await expect(stat(pathOf(file.sha256))).rejects.toThrow('ENOENT')
  await expect(stat(`${pathOf(file.sha256)}.part`)).rejects.toThrow('ENOENT')
})

test('a damaged part on disk costs one more download, not the blob', async () => {
  await mkdir(join(folder, file.sha256.slice(0, 2)))
  await writeFile(`${pathOf(file.sha256)}.part`, new Uint8Array(20_000))
  const path = await openBlobs(folder, sourceOf(content).pull).ensure(file)
  expect(sha256(await readFile(path))).toBe(file.sha256)
})

test('a blob that changed on disk since the last start is pulled again', async () => {
  const path = await openBlobs(folder, sourceOf(content).pull).ensure(file)
  await writeFile(path, new Uint8Array(file.sizeBytes).fill(3))
  const source = sourceOf(content)
  await openBlobs(folder, source.pull).ensure(file)
  expect(source.reads).toHaveLength(7)
})

test('two requests for one blob share a download, and a third needs none', async () => {
  const source = sourceOf(content)
  const blobs = openBlobs(folder, source.pull)
  const paths = await Promise.all([blobs.ensure(file), blobs.ensure(file)])
  await blobs.bytes(file)
  expect(paths[0]).toBe(paths[1])
  expect(source.reads).toHaveLength(7)
})

test('a coordinator that announces another size is refused', async () => {
  const source = sourceOf(content.subarray(0, 90_000))
  const refused = await failure(
    download(file, 0, async () => {}, {
      request: source.request,
      pace: createPace(limits),
      clock: systemClock(),
    }),
  )
  expect(refused).toMatchObject({ code: 'LRC-6007', expected: '100000 bytes', received: '90000 bytes' })
})

test('a part that is longer than the blob is thrown away', async () => {
  await mkdir(join(folder, file.sha256.slice(0, 2)))
  await appendFile(`${pathOf(file.sha256)}.part`, new Uint8Array(100_001))
  const path = await openBlobs(folder, sourceOf(content).pull).ensure(file)
  expect(sha256(await readFile(path))).toBe(file.sha256)
})

/** A coordinator that hands out `bytes` and may lose the link at an offset. */
function sourceOf(bytes: Uint8Array, { failAt = Number.POSITIVE_INFINITY } = {}) {
  const reads: BlobRead[] = []
  let underWay = 0
  let most = 0
  const request = (async (_event: string, read: BlobRead) => {
    reads.push(read)
    underWay++
    most = Math.max(most, underWay)
    await new Promise((resolve) => setTimeout(resolve, 2))
    underWay--
    if (read.offset >= failAt) throw new LoricaError('LRC-1009', 'link: lost')
    return { bytes: bytes.slice(read.offset, read.offset + read.length), sizeBytes: bytes.byteLength }
  }) as unknown as Request
  const pull: Pull = (wanted, offset, append) =>
    download(wanted, offset, append, { request, pace: createPace(limits), clock: systemClock() })
  return { reads, request, pull, mostUnderWay: () => most }
}

function pathOf(hash: string): string {
  return join(folder, hash.slice(0, 2), hash)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}
