import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  createAdapter,
  createRandom,
  exportOnnx,
  mergeAdapter,
  readAdapter,
  writeAdapter,
} from '@lorica/peft-core'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.js'
import { outputOf } from './support/lorica.js'

const model = fileURLToPath(new URL('../models/moby-dick', import.meta.url))
const script = fileURLToPath(new URL('onnx-export.py', import.meta.url))
const python = process.env.LORICA_PYTHON ?? 'python3'
const needed = 'import torch, transformers, peft, safetensors, onnxruntime'
const hasPeft = spawnSync(python, ['-c', needed]).status === 0
if (!hasPeft)
  console.warn(
    `skipped: ${python} has no torch, transformers, peft and onnxruntime (LORICA_PYTHON names another)`,
  )

/** An adapter whose every factor has values, as a trained one has. */
async function adapterOf(seed: number) {
  const spec = { method: 'lora', rank: 3, alpha: 7, targets: 'all-linear', rslora: true } as const
  const { config, tensors } = await createAdapter(model, spec, seed)
  const random = createRandom(seed, 'factors')
  const filled = [...tensors].map(([name, { shape, data }]) => {
    const values = Float32Array.from(data, () => 0.2 * (random.uniform() - 0.5))
    return [name, { shape, data: values }] as const
  })
  return { config, tensors: new Map(filled) }
}

test.skipIf(!hasPeft)(
  'a merged folder, a merged ONNX graph and one that takes the adapter as inputs say in other programs what PEFT says',
  async () => {
    await using folder = await createFolder()
    const adapter = await adapterOf(5)
    await writeAdapter(folder.at('adapter'), adapter)
    await mergeAdapter({ model, adapter, out: folder.at('merged') })
    const size = { rows: 2, columns: 11 }
    const adapted = await exportOnnx({ model, adapter, ...size, out: folder.at('adapted') })
    const merged = await exportOnnx({ model: folder.at('merged'), ...size, out: folder.at('onnx') })
    expect(adapted.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['input_ids', [2, 11]],
      ['attention_mask', [2, 11]],
    ])
    expect(adapted.parameters.toSorted()).toEqual([...adapter.tensors.keys()].toSorted())
    expect(await readAdapter(folder.at('adapted', 'adapter'))).toMatchObject({ tensors: adapter.tensors })
    const random = createRandom(9, 'ids')
    const ids = [0, 1].map(() => Array.from({ length: 11 }, () => Math.floor(random.uniform() * 1000)))
    const paths = [folder.at('adapter'), folder.at('merged'), adapted.model, folder.at('adapted', 'adapter')]
    const said = await outputOf(python, [script, model, ...paths, merged.model, JSON.stringify(ids)])
    const found = JSON.parse(said) as Readonly<Record<string, number>>
    const { change = 0, adapted: unmerged, merged: rounded, mergedOnnx } = found
    expect(change).toBeGreaterThan(0.5)
    expect(unmerged).toBeLessThan(1e-4 * change)
    expect(mergedOnnx).toBeLessThan(1e-4 * change)
    expect(rounded).toBeLessThan(1e-2 * change) // to the half precision that the base is stored in
    // The graph reads its weights where the files of the base lie beside it, so nothing is stored twice.
    expect((await readFile(adapted.model)).byteLength).toBeLessThan(400_000)
  },
)
