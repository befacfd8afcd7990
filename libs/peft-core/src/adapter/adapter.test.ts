import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Adapter, adapterFiles, parseAdapter, readAdapter, writeAdapter } from './adapter.js'
import { factorKey, factorPairs, initialTensors } from './factors.js'
import { createLoraConfig, type LoraConfig } from './lora-config.js'
import { encodeSafetensors } from './safetensors-write.js'
import type { Tensor } from './tensor.js'
import { storedAs } from './values.js'

const config = createLoraConfig({ method: 'lora', rank: 2, alpha: 4, targets: ['q_proj'], rslora: false })
const adapter: Adapter = {
  config,
  tensors: initialTensors([{ path: 'h.0.q_proj', inFeatures: 3, outFeatures: 5 }], config, 7),
}
const keyA = factorKey('h.0.q_proj', 'A')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adapter-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('an adapter reads back as it was written, and leaves nothing else behind', async () => {
  const target = join(folder, 'new', 'adapter')
  await writeAdapter(target, adapter)
  expect(await readAdapter(target)).toEqual(adapter)
  expect(await readdir(join(folder, 'new'))).toEqual(['adapter'])
  expect(await readdir(target)).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
})

test('writing into a folder that exists replaces the adapter and keeps other files', async () => {
  await writeFile(join(folder, 'README.md'), 'mine')
  await writeAdapter(folder, adapter)
  const other = {
    config,
    tensors: initialTensors([{ path: 'h.0.q_proj', inFeatures: 3, outFeatures: 5 }], config, 8),
  }
  await writeAdapter(folder, other)
  expect(await readAdapter(folder)).toEqual(other)
  expect(await readdir(folder)).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
})

test('files beside an adapter appear with it, or not at all', async () => {
  const target = join(folder, 'new')
  await writeAdapter(target, adapter, { 'classes.json': '["a","b"]' })
  const all = ['adapter_config.json', 'adapter_model.safetensors', 'classes.json']
  expect(await readdir(target)).toEqual(all)
  expect(await readFile(join(target, 'classes.json'), 'utf8')).toBe('["a","b"]')
  expect(await readAdapter(target)).toEqual(adapter)
  const refused = { 'no/folder.json': '{}' } // cannot be written
  await expect(writeAdapter(join(folder, 'other'), adapter, refused)).rejects.toThrow('ENOENT')
  await expect(writeAdapter(target, adapter, refused)).rejects.toThrow('ENOENT')
  expect([await readdir(folder), await readdir(target)]).toEqual([['new'], all])
})

test('a write that fails leaves the old adapter whole', async () => {
  await writeAdapter(folder, adapter)
  const notFinite = new Map([
    ...adapter.tensors,
    [keyA, { shape: [2, 3], data: Float32Array.of(1, 2, Number.NaN, 4, 5, 6) }],
  ])
  await expect(writeAdapter(folder, { config, tensors: notFinite })).rejects.toThrow(
    `"${keyA}" expected finite values, got NaN at 2`,
  )
  const blocked = join(folder, 'blocked')
  await mkdir(join(blocked, 'adapter_config.json'), { recursive: true })
  await expect(writeAdapter(blocked, adapter)).rejects.toThrow()
  expect(await readdir(blocked)).toEqual(['adapter_config.json'])
  expect(await readAdapter(folder)).toEqual(adapter)
})

test('factors in half precision are read as float32', () => {
  const raw = [...adapter.tensors].map(([key, tensor]) => [key, storedAs(tensor, 'bfloat16')] as const)
  const files = { ...adapterFiles(adapter), 'adapter_model.safetensors': encodeSafetensors(new Map(raw)) }
  const [value = 0] = (parseAdapter(files).tensors.get(keyA) as Tensor).data
  const [exact = 0] = (adapter.tensors.get(keyA) as Tensor).data
  expect(value).not.toBe(exact)
  expect(Math.abs(value - exact)).toBeLessThan(Math.abs(exact) * 2 ** -8)
})

test('a damaged adapter is refused with the name of its file', async () => {
  await writeAdapter(folder, adapter)
  const path = join(folder, 'adapter_model.safetensors')
  await writeFile(path, (await readFile(path)).subarray(0, -1))
  await expect(readAdapter(folder)).rejects.toThrow(
    `${folder}: adapter_model.safetensors: the tensors take 64 bytes`,
  )
  await writeFile(join(folder, 'adapter_config.json'), '{"peft_type":"LOKR"}')
  await expect(readAdapter(folder)).rejects.toThrow('adapter_config.json: peft_type expected "LORA"')
})

test('a folder without an adapter, or with a pickle, is refused', async () => {
  await expect(readAdapter(folder)).rejects.toThrow(
    'expected the files adapter_config.json and adapter_model.safetensors',
  )
  await writeFile(join(folder, 'adapter_config.json'), '{}')
  await writeFile(join(folder, 'adapter_model.bin'), 'cos\nsystem')
  await expect(readAdapter(folder)).rejects.toThrow('got a pickle, which can run code and is never opened')
  await expect(readAdapter(join(folder, 'absent'))).rejects.toThrow('expected an adapter folder')
})

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py
const cases = [
  'llama-rslora',
  'gpt2',
  'llama-dora',
  'gpt2-dora',
  'llama-ia3',
  'bert-ia3',
  'llama-prompt',
  'gpt2-prompt',
]

test.each(cases)('the adapter that PEFT wrote for %s is written again byte for byte', async (name) => {
  const written = join(golden, name, 'adapter')
  for (const [file, bytes] of Object.entries(adapterFiles(await readAdapter(written))))
    expect(await readFile(join(written, file))).toEqual(Buffer.from(bytes))
})

const fixtures = process.env.LORICA_FIXTURES ?? ''

describe.skipIf(fixtures === '')('adapters that others wrote (set LORICA_FIXTURES to run)', () => {
  test.each(['llama', 'llama-rslora', 'gpt2', 'bert', 'vit'])(
    '%s is written again byte for byte',
    async (name) => {
      const golden = join(fixtures, 'golden', name, 'adapter')
      const files = adapterFiles(await readAdapter(golden))
      for (const [file, bytes] of Object.entries(files))
        expect(await readFile(join(golden, file))).toEqual(Buffer.from(bytes))
    },
  )

  test('an adapter of an older PEFT is read', async () => {
    const old = join(fixtures, 'fixtures/peft/gradience_tiny_lora')
    expect(existsSync(old)).toBe(true)
    const { config: found, tensors } = await readAdapter(old)
    expect(found).toMatchObject({ rank: 8, alpha: 16, dropout: 0.1, targetModules: ['c_attn', 'c_proj'] })
    expect(factorPairs(found as LoraConfig, tensors)[0]).toMatchObject({
      inFeatures: 768,
      outFeatures: 2304,
      scaling: 2,
    })
  })
})
