import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Batch } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { ownerOf, pause, pauseOf, resume } from './pause.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-pause-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const batches = [1, 2, 3].map((rows) => ({ rows }) as Batch)
const { signal } = new AbortController()

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

test('work in progress waits between two batches and then goes on with the next', async () => {
  let nowMs = 5000
  const owner = ownerOf(folder, { ...systemClock(), now: () => nowMs })
  const taken: number[] = []
  const deadlineAtMs = 100_000
  const work = (async () => {
    for await (const { rows } of owner.whenFree(batches, deadlineAtMs, signal)) {
      taken.push(rows)
      if (rows === 1) await pause(folder, 2000, nowMs)
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(taken).toEqual([1])
  nowMs = 7000
  await work
  expect(taken).toEqual([1, 2, 3])
})

test('work that could not be done before its deadline is given back at once', async () => {
  const owner = ownerOf(folder, { ...systemClock(), now: () => 5000 })
  await pause(folder, 60_000, 5000)
  await expect(owner.expectFree()).rejects.toMatchObject({ code: 'LRC-6008' })
  const iterate = async () => {
    for await (const _ of owner.whenFree(batches, 65_000, signal)) expect.fail('a batch was handed out')
  }
  await expect(iterate()).rejects.toMatchObject({
    code: 'LRC-6008',
    message: 'the agent is paused until 1970-01-01T00:01:05.000Z',
  })
})
