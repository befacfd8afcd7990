import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { batchFeeds } from '../runtime/feeds.js'
import { NEXT, paddedRow, withPosition } from '../runtime/next-token.js'
import { ort } from '../runtime/ort.js'
import { buildTrainingGraph } from '../train/graph.js'
import { NEXT_POSITION } from './cache.js'
import { float32Copy } from './float32-copy.js'

const golden = fileURLToPath(new URL('../../golden', import.meta.url)) // made by golden/make_golden.py

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-float32-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function logits(model: string) {
  const { config, tensors } = await readAdapter(join(golden, 'llama-mqa-bfloat16', 'adapter'))
  const size = { rows: 1, columns: 32, cache: 0 }
  const request = { model, config, trainable: 'adapter', purpose: 'logits', ...size } as const
  const { graph } = withPosition(await buildTrainingGraph(request))
  const session = await ort.open(graph, { threads: 1 })
  const feeds = batchFeeds(graph, tensors, paddedRow([5, 9, 31, 70], 32))
  const outputs = await session.run(feeds.set(NEXT_POSITION, Int32Array.of(3)))
  await session.close()
  return outputs.get(NEXT)?.data
}

test('a model in half precision is copied to float32, and gives the same logits', async () => {
  const model = join(golden, 'llama-mqa-bfloat16', 'model')
  const out = join(folder, 'copy')
  expect(await float32Copy(model, out)).toBe(true)
  const tensors = [...(await readSafetensors(join(out, 'model.safetensors'))).values()]
  expect(new Set(tensors.map(({ element }) => element))).toEqual(new Set(['float32']))
  const [copied, original] = [await logits(out), await logits(model)]
  expect(original?.length).toBeGreaterThan(90)
  expect(copied).toEqual(original)
})

test('a model in float32 is left where it is', async () => {
  const out = join(folder, 'none')
  expect(await float32Copy(join(golden, 'llama', 'model'), out)).toBe(false)
  expect(await float32Copy(join(golden, 'llama', 'onnx', 'model.onnx'), out)).toBe(false)
  expect(await readdir(folder)).not.toContain('none')
})
