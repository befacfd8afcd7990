import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OptimizerState } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMoments } from './moments.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-moments-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const state = (step: number, value: number): OptimizerState => ({
  step,
  first: new Map([['m.lora_A.weight', { shape: [1, 2], data: Float32Array.of(value, -value) }]]),
  second: new Map([['m.lora_A.weight', { shape: [1, 2], data: Float32Array.of(value * value, 0.125) }]]),
})

test('the optimizer goes on from the latest round before, bit for bit, after a restart', async () => {
  await openMoments(folder).keep('r1', 2, state(20, 0.3))
  expect(await openMoments(folder).before('r1', 4)).toEqual(state(20, 0.3))
})

test('a round that is done again starts from the state before it, not after it', async () => {
  const moments = openMoments(folder)
  await moments.keep('r1', 2, state(20, 0.3))
  await moments.keep('r1', 3, state(30, 0.7))
  expect((await moments.before('r1', 3))?.step).toBe(20)
  expect((await moments.before('r1', 4))?.step).toBe(30)
  expect(await moments.before('r1', 2)).toBeUndefined()
})

test('two rounds of a run are kept, and none of a run that ended', async () => {
  const moments = openMoments(folder)
  for (const round of [9, 10, 11]) await moments.keep('r1', round, state(round, 0.5))
  await moments.keep('r2', 4, state(4, 0.5))
  expect((await readdir(join(folder, 'r1'))).sort()).toEqual(['10.safetensors', '11.safetensors'])
  await moments.drop('r1')
  expect(await readdir(folder)).toEqual(['r2'])
})
