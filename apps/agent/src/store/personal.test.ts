import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TensorMap } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPersonal, ownBeside } from './personal.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-personal-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const part = (value: number): TensorMap =>
  new Map([['m.lora_B.weight', { shape: [2, 1], data: Float32Array.of(value, -value) }]])
const first = (own: TensorMap | undefined) => own?.get('m.lora_B.weight')?.data[0]

test('what training made of the parts goes on beside every later version, and beside the same one what went into it', () => {
  const hash = 'a'.repeat(64)
  const before = 'b'.repeat(64)
  expect(ownBeside(undefined, 3)).toBe(null)
  expect(ownBeside({ latest: hash, adapter: 3, before, ended: false }, 3)).toBe(before)
  expect(ownBeside({ latest: hash, adapter: 3, before, ended: false }, 5)).toBe(hash)
})

test('a round that is trained again starts from what was before it, also after a restart, and earlier parts go', async () => {
  const personal = openPersonal(folder)
  expect(await personal.own('r1', 0)).toBeUndefined()
  await personal.keep('r1', 0, part(1.5))
  expect(await personal.own('r1', 0)).toBeUndefined() // the round came to nothing
  await personal.keep('r1', 0, part(2.5))
  await personal.keep('r1', 4, part(3.5))
  const again = openPersonal(folder)
  expect(first(await again.own('r1', 4))).toBe(2.5)
  expect(first(await again.own('r1', 7))).toBe(3.5)
  await again.keep('r1', 4, part(4.5))
  expect(first(await again.own('r1', 4))).toBe(2.5)
  expect(first(await again.own('r1', 7))).toBe(4.5)
  expect((await readdir(join(folder, 'r1'))).length).toBe(3) // the state, the latest parts, and those before
  expect(await again.own('r2', 7)).toBeUndefined()
})

test('parts go when their run is over and nothing of it is here any more', async () => {
  const personal = openPersonal(folder)
  await personal.keep('r1', 0, part(1))
  await personal.keep('r2', 0, part(2))
  await personal.keep('r3', 0, part(3))
  await personal.ended('r1')
  await personal.ended('r2')
  await personal.ended('r9')
  await personal.forget(new Set(['r2']))
  expect(await readdir(folder)).toEqual(['r2', 'r3'])
  expect(first(await personal.own('r2', 1))).toBe(2)
  await personal.forget(new Set())
  expect(await readdir(folder)).toEqual(['r3'])
})

test('parts that are damaged or gone are told, and never replaced in silence', async () => {
  const personal = openPersonal(folder)
  await personal.keep('r1', 0, part(1))
  const [name = ''] = (await readdir(join(folder, 'r1'))).filter((file) => file.endsWith('.safetensors'))
  await writeFile(join(folder, 'r1', name), 'x')
  await expect(personal.own('r1', 1)).rejects.toMatchObject({ code: 'LRC-8003' })
  await rm(join(folder, 'r1', name))
  await expect(personal.own('r1', 1)).rejects.toMatchObject({ code: 'LRC-8003' })
  await writeFile(join(folder, 'r1', 'state.json'), '{}')
  await expect(personal.own('r1', 1)).rejects.toMatchObject({ code: 'LRC-8003' })
  await personal.ended('r1')
  await personal.forget(new Set())
  expect(await readdir(folder)).toEqual(['r1']) // left for its owner to look at
})
