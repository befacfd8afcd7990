import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adapterFiles } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { type RawTensor, rawTensor } from '../adapter/tensor.js'
import { floatTensor, storedAs } from '../adapter/values.js'
import { readAdapterFor } from './same-base.js'
import { createAdapter } from './start.js'

const model = fileURLToPath(new URL('../../golden/llama/model', import.meta.url))
const targets = ['embed_tokens', 'lm_head', 'q_proj']
const spec = { method: 'lora', rank: 2, alpha: 3, targets, rslora: false } as const

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-same-base-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An adapter as PEFT writes it: frozen weights of the base, after `change`, lie beside the factors. */
async function adapterWith(change: (weight: RawTensor) => RawTensor) {
  const adapter = await createAdapter(model, spec, 7)
  const base = await readSafetensors(join(model, 'model.safetensors'))
  const raw = new Map([...adapter.tensors].map(([key, tensor]) => [key, rawTensor(tensor)]))
  for (const path of ['model.embed_tokens', 'lm_head'])
    raw.set(`base_model.model.${path}.base_layer.weight`, change(base.get(`${path}.weight`) as RawTensor))
  const files = { ...adapterFiles(adapter), 'adapter_model.safetensors': encodeSafetensors(raw) }
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
  return adapter
}

test('an adapter whose frozen weights are the base’s, as they are or rounded, is of this base', async () => {
  const adapter = await adapterWith((weight) => weight)
  expect(await readAdapterFor(model, folder)).toEqual(adapter)
  await adapterWith((weight) => storedAs(floatTensor(weight), 'bfloat16'))
  expect(await readAdapterFor(model, folder)).toEqual(adapter)
})

test('one other number makes it another base', async () => {
  await adapterWith((weight) => {
    const tensor = floatTensor(weight)
    const data = Float32Array.from(tensor.data)
    data[data.length - 3] = (data[data.length - 3] ?? 0) * 1.01
    return rawTensor({ ...tensor, data })
  })
  await expect(readAdapterFor(model, folder)).rejects.toThrow(
    'keeps the frozen weight of "lm_head", and the model has another',
  )
})
