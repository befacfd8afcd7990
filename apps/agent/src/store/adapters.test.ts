import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapterFiles, createPeftConfig } from '@lorica/peft-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAdapters } from './adapters.js'
import { openBlobs } from './blobs.js'

const content = new Map<string, Uint8Array>()

function adapter(version: number) {
  const spec = { method: 'lora', rank: 1, alpha: 2, targets: ['up'], rslora: false } as const
  const data = (...values: number[]) => new Float32Array(values)
  const files = adapterFiles({
    config: createPeftConfig(spec),
    tensors: new Map([
      ['base_model.model.up.lora_A.weight', { shape: [1, 2], data: data(version, 0.5) }],
      ['base_model.model.up.lora_B.weight', { shape: [2, 1], data: data(3, 4) }],
    ]),
  })
  const references = Object.entries(files).map(([path, bytes]) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    content.set(sha256, bytes)
    return { path, sha256, sizeBytes: bytes.byteLength }
  })
  return { version, files: references }
}

let folder = ''
const pulled: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-adapters-'))
  pulled.length = 0
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = () =>
  openAdapters(
    openBlobs(folder, async ({ path, sha256 }, offset, append) => {
      pulled.push(path)
      await append((content.get(sha256) as Uint8Array).subarray(offset))
    }),
  )

test('an adapter is read with its tensors, and what two have in common is pulled once', async () => {
  const adapters = open()
  expect((await adapters.read(adapter(7))).tensors.get('base_model.model.up.lora_A.weight')?.data[0]).toBe(7)
  await adapters.read(adapter(8))
  await adapters.read(adapter(7))
  expect(pulled.sort()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'adapter_model.safetensors',
  ])
})

test('only the latest adapters stay on disk', async () => {
  const adapters = open()
  for (let version = 2; version <= 9; version++) await adapters.read(adapter(version))
  const kept = (await readdir(folder, { recursive: true })).filter((path) => path.includes('/'))
  expect(kept).toHaveLength(5) // four files of tensors and the configuration that they share
  const sharedBefore = pulled.filter((path) => path === 'adapter_config.json')
  expect(sharedBefore).toHaveLength(1)
})

test('an adapter without one of its files is refused by the name of the file', async () => {
  const { files } = adapter(5)
  const refused = open().read({ version: 5, files: files.slice(0, 1) })
  await expect(refused).rejects.toMatchObject({ code: 'LRC-7003', expected: 'adapter_model.safetensors' })
})
