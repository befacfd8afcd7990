/**
 * A model as an ONNX file that any runtime of ONNX runs: alone, or with the tensors of an adapter as further inputs, so that one
 * file serves many adapters.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Adapter, writeAdapter } from '../adapter/adapter.js'
import { createPeftConfig, type PeftConfig } from '../adapter/peft-config.js'
import type { Value } from '../graph/graph.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { modelFiles } from '../source/model-files.js'
import type { BatchSize } from './batch.js'
import { buildTrainingGraph } from './graph.js'

export interface OnnxJob extends Pick<BatchSize, 'rows' | 'columns'> {
  /** A Hugging Face folder. */
  readonly model: string
  /** Whose tensors become inputs; absent: the model as it is. */
  readonly adapter?: Adapter | undefined
  /** The folder to make; it must not exist. */
  readonly out: string
}

export interface OnnxExport {
  /** The .onnx file. */
  readonly model: string
  /** What a run feeds beside the adapter. */
  readonly inputs: readonly Pick<Value, 'name' | 'element' | 'shape'>[]
  /** The names of the adapter's inputs: those of its tensors. */
  readonly parameters: readonly string[]
}

const NAME = 'model.onnx'

/**
 * Writes `model.onnx`, which computes `logits` for `rows` texts of `columns` tokens, beside the files of the base that hold its
 * weights, and, with an adapter, that adapter as a PEFT folder `adapter` whose tensors have the names of the inputs. The folder
 * appears whole or not at all. RangeError when the model is no Hugging Face folder or the adapter does not fit it.
 */
export async function exportOnnx({ model, adapter, rows, columns, out }: OnnxJob): Promise<OnnxExport> {
  if (model.endsWith('.onnx'))
    throw new RangeError(`model "${model}": expected a Hugging Face folder to export, got an ONNX file`)
  const place = join(dirname(resolve(out)), `.exported-${randomUUID()}`)
  try {
    await mkdir(place, { recursive: true })
    const staging = await realpath(place)
    const { folder, names } = await modelFiles(model)
    for (const name of names)
      await copyFile(await realpath(join(folder, name)), join(staging, name), constants.COPYFILE_FICLONE)
    const { graph, parameters } = await buildTrainingGraph({
      ...{ model: staging, rows, columns, purpose: 'logits' },
      config: adapter?.config ?? NOTHING,
      trainable: adapter === undefined ? 'nothing' : 'adapter',
    })
    const { bytes } = encodeOnnx(graph, { folder: staging })
    await writeFile(join(staging, NAME), bytes)
    if (adapter !== undefined) await writeAdapter(join(staging, 'adapter'), adapter)
    await rename(staging, out)
    const tensors = new Set(parameters.map(({ name }) => name))
    return {
      model: join(out, NAME),
      inputs: graph.inputs.filter(({ name }) => !tensors.has(name)),
      parameters: [...tensors],
    }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

const NOTHING: PeftConfig = createPeftConfig({
  ...{ method: 'lora', rank: 1, alpha: 1, targets: 'all-linear', rslora: false },
})
