import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pause, pauseOf, resume } from './pause.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-pause-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a pause ends at its time, or when the owner resumes', async () => {
  expect(await pauseOf(folder, 5000)).toBeUndefined()
  await pause(folder, 2000, 5000)
  expect(await pauseOf(folder, 6999)).toEqual({ untilMs: 7000 })
  expect(await pauseOf(folder, 7000)).toBeUndefined()
  await pause(folder, undefined, 8000)
  expect(await pauseOf(folder, 9e12)).toEqual({ untilMs: null })
  await resume(folder)
  expect(await pauseOf(folder, 8001)).toBeUndefined()
})

test('a pause that cannot be read is a pause', async () => {
  await writeFile(join(folder, 'pause.json'), '{"untilMs":')
  expect(await pauseOf(folder, 5000)).toEqual({ untilMs: null })
})
