import { mkdir, mkdtemp, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LoricaError } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../random.js'
import { openBlobs } from './blobs.js'
import { systemDisk } from './disk.js'
import { adoptStaging, stageUpload } from './staging.js'

const random = systemRandom()
const disk = systemDisk(random)

const folder = () => mkdtemp(join(tmpdir(), 'lorica-store-'))
const codeOf = (act: Promise<unknown>) =>
  act.then(
    () => 'passes',
    (error: LoricaError) => error.code,
  )

describe('stageUpload', () => {
  test('chunks that overlap in time are written in order', async () => {
    const staged = await stageUpload(disk, await folder(), 'u1', 7)
    await Promise.all([
      staged.append(0, Buffer.from('abc')),
      staged.append(3, Buffer.from('de')),
      staged.append(5, Buffer.from('fg')),
    ])
    await staged.written()
    await staged.park()
    expect(await readFile(staged.path, 'utf8')).toBe('abcdefg')
  })

  test('a wrong offset is refused with the right one, and nothing is written', async () => {
    const staged = await stageUpload(disk, await folder(), 'u1', 7)
    await staged.append(0, Buffer.from('abc'))
    const error = await staged.append(5, Buffer.from('fg')).catch((caught: LoricaError) => caught)
    expect(error).toMatchObject({ code: 'LRC-4004', expected: '3', received: '5' })
    expect(staged.offset()).toBe(3)
    expect(await codeOf(staged.append(0, Buffer.from('abc')))).toBe('LRC-4004')
  })

  test('an upload that was parked goes on where it stopped', async () => {
    const place = await folder()
    const first = await stageUpload(disk, place, 'u1', 7)
    await first.append(0, Buffer.from('abcd'))
    await first.park()
    const second = await stageUpload(disk, place, 'u1', 7)
    expect(second.offset()).toBe(4)
    await second.append(4, Buffer.from('efg'))
    await second.written()
    expect(await readFile(second.path, 'utf8')).toBe('abcdefg')
  })

  test('too many bytes and too few are refused', async () => {
    const staged = await stageUpload(disk, await folder(), 'u1', 4)
    expect(await codeOf(staged.append(0, Buffer.from('abcde')))).toBe('LRC-4003')
    await staged.append(0, Buffer.from('abc'))
    expect(await codeOf(staged.written())).toBe('LRC-4003')
  })

  test('what an earlier coordinator had of an upload goes on in a file of its own, and what nobody needs goes', async () => {
    const place = await folder()
    await mkdir(join(place, '3'))
    for (const name of ['3/keep.part', '3/old.part', 'older.part']) await writeFile(join(place, name), 'abc')
    const stopped = await open(join(place, '3', 'keep.part'), 'a')
    const own = await adoptStaging(disk, place, 4, (uploadId) => uploadId === 'keep')
    expect(await readdir(place)).toEqual(['4'])
    const upload = await stageUpload(disk, own, 'keep', 5)
    expect(await upload.append(3, Buffer.from('de'))).toBe(5)
    await stopped.writeFile('XX') // it wakes up and writes on
    await stopped.close()
    await upload.written()
    await upload.park()
    expect(await readFile(upload.path, 'utf8')).toBe('abcde')
  })
})

describe('blobs', () => {
  test('bytes are read back in ranges, in this process and in the next', async () => {
    const place = await folder()
    const blobs = openBlobs(disk, place)
    const { file, durable } = blobs.put('adapter.bin', Buffer.from('abcdefgh'))
    await durable
    expect(file.sizeBytes).toBe(8)
    for (const opened of [blobs, openBlobs(disk, place)]) {
      const { bytes, sizeBytes } = await opened.read(file.sha256, 6, 100)
      expect([Buffer.from(bytes).toString(), sizeBytes]).toEqual(['gh', 8])
      expect(Buffer.from(await opened.whole(file.sha256)).toString()).toBe('abcdefgh')
    }
  })

  test('a file that changed on disk is found before it is used', async () => {
    const place = await folder()
    const { file, durable } = openBlobs(disk, place).put('adapter.bin', Buffer.from('abcdefgh'))
    await durable
    await writeFile(join(place, file.sha256.slice(0, 2), file.sha256), 'abcdefgX')
    expect(await codeOf(openBlobs(disk, place).whole(file.sha256))).toBe('LRC-5002')
    expect(await codeOf(openBlobs(disk, place).read('ab'.repeat(32), 0, 3))).toBe('LRC-3008')
  })
})
