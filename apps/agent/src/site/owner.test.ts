import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Batch } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Clock, systemClock } from '../clock.js'
import { ownerOf } from './owner.js'
import { pause } from './pause.js'
import type { Reading } from './yielding.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-owner-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const batches = [1, 2, 3].map((rows) => ({ rows }) as Batch)
const { signal } = new AbortController()

test('work in progress waits between two batches and then goes on with the next', async () => {
  let nowMs = 5000
  const owner = ownerOf(folder, { clock: { ...systemClock(), now: () => nowMs } })
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
  const owner = ownerOf(folder, { clock: { ...systemClock(), now: () => 5000 } })
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

/** A clock whose waits are over at once, and that moves by them. */
function quickClock(): Clock {
  let nowMs = 1_000_000
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, act) {
      const timer = setImmediate(() => {
        nowMs += delayMs
        act()
      })
      return () => clearImmediate(timer)
    },
    every: () => () => {},
  }
}

const free: Reading = { othersLoad: 0.05, othersGpuLoad: null, isOnBattery: false, celsius: 60 }

test('work yields within one step while the machine is needed, says why, and goes on', async () => {
  await writeFile(join(folder, 'policy.yaml'), 'maxCelsius: 85\nonBattery: false\n')
  const readings: Reading[] = [free, { ...free, isOnBattery: true }, { ...free, celsius: 91.6 }, free]
  const heard: (string | null)[] = []
  const clock = quickClock()
  const sensors = { read: async () => readings.shift() ?? free }
  const owner = ownerOf(folder, { clock, sensors, onWaiting: (reason) => heard.push(reason) })
  const taken: string[] = []
  for await (const { rows } of owner.whenFree(batches, Number.POSITIVE_INFINITY, signal)) {
    taken.push(`${rows} after ${new Set(heard).size} reasons`)
    clock.after(2500, () => {})
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(taken).toEqual(['1 after 0 reasons', '2 after 3 reasons', '3 after 3 reasons'])
  expect([...new Set(heard)]).toEqual(['it runs on battery', 'it is at 92 °C', null])
})

test('work that is taken from the start again has all its batches', async () => {
  const owner = ownerOf(folder, { clock: systemClock() })
  const guarded = owner.whenFree(batches, Number.POSITIVE_INFINITY, signal)
  const taken: number[] = []
  for await (const { rows } of guarded) {
    taken.push(rows)
    if (rows === 2) break
  }
  for await (const { rows } of guarded) taken.push(rows)
  expect(taken).toEqual([1, 2, 1, 2, 3])
})

test('new work is declined while the machine is needed, and a machine without limits is not even measured', async () => {
  let looks = 0
  const sensors = {
    async read() {
      looks++
      return { ...free, othersLoad: 0.62 }
    },
  }
  const clock = quickClock()
  await ownerOf(folder, { clock, sensors }).expectFree()
  expect(looks).toBe(0)
  await writeFile(join(folder, 'policy.yaml'), 'idleOnly: true\n')
  await expect(ownerOf(folder, { clock, sensors }).expectFree()).rejects.toMatchObject({
    code: 'LRC-6015',
    message: 'the machine is needed: other programs use 62 % of the processor',
  })
})
