import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TensorMap } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openResiduals, owedFrom } from './residuals.js'

const first = 'a1'.repeat(32)
const second = 'b2'.repeat(32)
const third = 'c3'.repeat(32)
const tensors = (...values: number[]): TensorMap =>
  new Map([['m.lora_A.weight', { shape: [1, values.length], data: Float32Array.from(values) }]])

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-residuals-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const numbers = (owed: TensorMap | undefined) => owed && [...(owed.get('m.lora_A.weight')?.data ?? [])]

test('the residual of an accepted update is owed once the adapter has moved on, also after a restart', async () => {
  const residuals = openResiduals(folder)
  expect(await residuals.owed('r', 4)).toBeUndefined()
  await residuals.keep('r', { sha256: first, adapter: 4 }, tensors(0.25, -0.5))
  await residuals.accepted('r', first)
  expect(numbers(await openResiduals(folder).owed('r', 5))).toEqual([0.25, -0.5])
  expect(await openResiduals(folder).owed('other', 5)).toBeUndefined()
})

test('an update that was refused or has no answer leaves what went into it', async () => {
  const residuals = openResiduals(folder)
  await residuals.keep('r', { sha256: first, adapter: 4 }, tensors(0.25, -0.5))
  await residuals.accepted('r', first)
  await residuals.keep('r', { sha256: second, adapter: 5 }, tensors(3, 7))
  await residuals.accepted('r', third) // of another update
  expect(numbers(await residuals.owed('r', 6))).toEqual([0.25, -0.5])
  await residuals.keep('r', { sha256: third, adapter: 6 }, tensors(11, 13))
  expect(numbers(await residuals.owed('r', 7))).toEqual([0.25, -0.5])
  await residuals.accepted('r', third)
  expect(numbers(await residuals.owed('r', 7))).toEqual([11, 13])
})

test('a round that came to nothing counts for nothing', async () => {
  const residuals = openResiduals(folder)
  await residuals.keep('r', { sha256: first, adapter: 4 }, tensors(0.25, -0.5))
  await residuals.accepted('r', first)
  expect(await residuals.owed('r', 4)).toBeUndefined() // the adapter is the same: the candidate was rejected
})

test('only the two latest residuals of a run stay, and none when it ends', async () => {
  const residuals = openResiduals(folder)
  for (const [index, sha256] of [first, second, third].entries()) {
    await residuals.keep('r', { sha256, adapter: index + 2 }, tensors(index + 2, 9))
    await residuals.accepted('r', sha256)
  }
  expect((await readdir(join(folder, 'r'))).sort()).toEqual(
    [`${second}.safetensors`, `${third}.safetensors`, 'state.json'].sort(),
  )
  await residuals.drop('r')
  expect(await readdir(folder)).toEqual([])
})

test('a damaged residual is none', async () => {
  const residuals = openResiduals(folder)
  await residuals.keep('r', { sha256: first, adapter: 4 }, tensors(0.25, -0.5))
  await residuals.accepted('r', first)
  await writeFile(join(folder, 'r', `${first}.safetensors`), 'half')
  expect(await residuals.owed('r', 5)).toBeUndefined()
})

test('training again after a crash before the update was kept owes the same as the first time', () => {
  const crashed = { update: second, adapter: 5, accepted: false, before: first }
  expect(owedFrom(crashed, 5)).toBe(first)
})
