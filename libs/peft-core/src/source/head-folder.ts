/**
 * A Hugging Face folder whose model has a new head, as a folder of its own.
 * @module
 */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeSafetensors } from '../adapter/safetensors-write.js'
import { readWeight } from '../graph/constant.js'
import type { Weight } from '../graph/graph.js'
import { parseArchitecture } from './families.js'
import type { Fields } from './fields.js'
import { openModel } from './model.js'
import { modelFiles } from './model-files.js'
import { isHeadTensor, storedTensors } from './model-tensors.js'
import { fieldsWithHead, type NewHead, tensorsWithHead } from './new-head.js'

/**
 * Writes the model with the head in place of its own into the folder `out`, which must not exist: its config.json names the
 * classes and the class of transformers that loads it, and one safetensors file has all weights under the names of that
 * class. Gives the modules whose weights are fresh. RangeError as `openModel`.
 */
export async function writeHeadFolder(
  model: string,
  head: NewHead,
  out: string,
): Promise<{ readonly newModules: readonly string[] }> {
  const { newModules } = await openModel(model, { head })
  const { folder, names } = await modelFiles(model)
  const fields = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Fields
  const weights = await weightsWithHead(folder, fields, head)
  await mkdir(out, { recursive: true })
  for (const name of names) {
    if (!name.includes('.safetensors')) await copyFile(join(folder, name), join(out, name))
  }
  const text = JSON.stringify(fieldsWithHead(fields, head), undefined, 2)
  await writeFile(join(out, 'config.json'), `${text}\n`)
  await writeSafetensors(join(out, 'model.safetensors'), weights, async (name) =>
    readWeight((weights.get(name) as Weight).data),
  )
  return { newModules }
}

/** What is stored, without the head that was there, under the names of a class with a head; and the new head's. */
async function weightsWithHead(
  folder: string,
  fields: Fields,
  head: NewHead,
): Promise<ReadonlyMap<string, Weight>> {
  const { prefix, headLayers = [] } = parseArchitecture(fields, head)
  const stored = await storedTensors(folder, prefix)
  const all = tensorsWithHead(stored, headLayers, { fields, head })
  const paths = headLayers.map(({ path }) => `${path}.`)
  return new Map(
    [...all].filter(([name]) => !isHeadTensor(name) || paths.some((path) => name.startsWith(path))),
  )
}
