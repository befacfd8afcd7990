import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  encodeSafetensors,
  floatTensor,
  type RawTensor,
  readSafetensors,
  type TensorMap,
} from '@lorica/peft-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outputOf, runLorica } from './support/lorica.js'

const ROWS = 3
const COLUMNS = 24
const PADDED = 7 // tokens at the end of the second row

const model = fileURLToPath(new URL('../models/moby-dick', import.meta.url))
const script = fileURLToPath(new URL('peft-interop.py', import.meta.url))
const python = process.env.LORICA_PYTHON ?? 'python3'
const hasPeft = spawnSync(python, ['-c', 'import torch, transformers, peft, safetensors']).status === 0
if (!hasPeft)
  console.warn(`skipped: ${python} has no torch, transformers and peft (LORICA_PYTHON names another)`)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-interop-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const methods: readonly (readonly [string, readonly string[]])[] = [
  ['lora', ['--rank', '3', '--alpha', '7']],
  ['dora', ['--rank', '3', '--alpha', '7', '--rslora']],
  ['ia3', ['--learning-rate', '1e-1', '--modules-to-save', 'model.norm']],
  ['prompt', ['--virtual-tokens', '5', '--prompt-start', 'vocabulary', '--modules-to-save', 'model.norm']],
]

test.skipIf(!hasPeft).each(methods)(
  'an adapter of %s trained here has the same loss and gradients in PyTorch and PEFT',
  async (method, options) => {
    const adapter = join(folder, method)
    const data = join(folder, 'speech.txt')
    const batch = join(folder, 'batch.safetensors')
    await writeFile(data, paragraphs().join('\n\n'))
    await writeFile(batch, paddedBatch())
    const steps = ['--steps', '6', '--learning-rate', '1e-2', '--batch', '2', '--max-tokens', '32']
    await runLorica([
      'train',
      '--model',
      model,
      '--data',
      data,
      '--out',
      adapter,
      '--method',
      method,
      ...steps,
      ...options,
    ])

    const ours = join(folder, 'ours.safetensors')
    const theirs = join(folder, 'theirs.safetensors')
    const here = await runLorica<{ loss: number }>([
      'grad',
      '--model',
      model,
      '--adapter',
      adapter,
      '--batch',
      batch,
      '--out',
      ours,
    ])
    const there = JSON.parse(
      await outputOf(python, [script, model, adapter, batch, '--gradients', theirs]),
    ) as {
      readonly loss: number
      readonly baseLoss: number
    }
    expect(Math.abs(there.loss - there.baseLoss)).toBeGreaterThan(1e-2) // the adapter does something
    expect(Math.abs(here.loss - there.loss)).toBeLessThan(1e-4)

    const [mine, other] = [await gradients(ours), await gradients(theirs)]
    expect([...mine.keys()].toSorted()).toEqual([...other.keys()].toSorted())
    for (const [name, { data: values }] of other) {
      const found = mine.get(name)?.data ?? new Float32Array(0)
      expect(found.length, name).toBe(values.length)
      expect(relativeDistance(found, values), name).toBeLessThan(1e-3)
    }
  },
)

function paragraphs(): readonly string[] {
  return Array.from({ length: 12 }, (_, i) =>
    `In the year ${1800 + 7 * i} the nation had ${i + 3} harbours and a whale. `.repeat(3),
  )
}

function paddedBatch(): Uint8Array {
  const ids = Array.from({ length: ROWS * COLUMNS }, (_, i) => (i * 37 + 11) % 1000)
  const isPadding = (i: number): boolean => Math.floor(i / COLUMNS) === 1 && i % COLUMNS >= COLUMNS - PADDED
  return encodeSafetensors(
    new Map([
      ['input_ids', integers(ids)],
      ['attention_mask', integers(ids.map((_, i) => (isPadding(i) ? 0 : 1)))],
      ['labels', integers(ids.map((id, i) => (isPadding(i) ? -100 : id)))],
    ]),
  )
}

function integers(values: readonly number[]): RawTensor {
  const data = BigInt64Array.from(values, BigInt)
  return { element: 'int64', shape: [ROWS, COLUMNS], bytes: new Uint8Array(data.buffer) }
}

async function gradients(path: string): Promise<TensorMap> {
  return new Map([...(await readSafetensors(path))].map(([name, tensor]) => [name, floatTensor(tensor)]))
}

/** |a - b| / |b| */
function relativeDistance(a: Float32Array, b: Float32Array): number {
  const norm = (at: (i: number) => number): number => Math.sqrt(b.reduce((sum, _, i) => sum + at(i) ** 2, 0))
  return norm((i) => (a[i] as number) - (b[i] as number)) / norm((i) => b[i] as number)
}
