import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../random.js'
import { type Disk, systemDisk } from './disk.js'
import { openAdminToken } from './secret.js'

test('a token that met a full disk is written later: half a file does not stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-secret-'))
  const random = systemRandom()
  const disk = systemDisk(random)
  const full: Disk = {
    ...disk,
    async write(path, from) {
      const file = await disk.write(path, from)
      return { ...file, append: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) }
    },
  }
  const path = join(folder, 'admin-token')
  await expect(openAdminToken(full, random, path)).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(await readdir(folder)).toEqual([])
  const token = await openAdminToken(disk, random, path)
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(await openAdminToken(disk, random, path)).toBe(token)
  await rm(folder, { recursive: true })
})
