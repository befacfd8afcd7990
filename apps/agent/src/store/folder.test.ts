import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Disk, systemDisk } from './disk.js'
import { writeWhole } from './folder.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-folder-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('bytes are flushed before their file gets its name, and the name before it counts', async () => {
  const done: string[] = []
  const real = systemDisk()
  const disk: Disk = {
    ...real,
    async write(path, from, mode) {
      const file = await real.write(path, from, mode)
      return { ...file, flush: () => file.flush().then(() => void done.push('bytes are safe')) }
    },
    rename: (from, to) => real.rename(from, to).then(() => void done.push(`it is called ${basename(to)}`)),
    flushFolder: (path) => real.flushFolder(path).then(() => void done.push('the name is safe')),
  }
  await writeWhole(join(folder, 'latest.json'), Buffer.from('{"version":4}'), { disk, isDurable: true })
  expect(done).toEqual(['bytes are safe', 'it is called latest.json', 'the name is safe'])
  expect(await readFile(join(folder, 'latest.json'), 'utf8')).toBe('{"version":4}')
  expect(await readdir(folder)).toEqual(['latest.json'])
})
