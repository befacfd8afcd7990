/**
 * A model in half precision as one in float32, whose weights can be used where they lie: a runtime that casts them holds them a
 * second time, for each graph that is open.
 * @module
 */
import { copyFile, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import { writeSafetensors } from '../adapter/safetensors-write.js'
import { floatTensor, storedAs } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { Element, TensorType, Weight } from '../graph/graph.js'
import { modelFiles } from './model-files.js'
import { weightFiles } from './model-tensors.js'

const isHalf = (element: Element): boolean => element === 'float16' || element === 'bfloat16'

/**
 * Writes a Hugging Face folder like the model's into `out`, which is made, with float32 in place of half precision and the rest
 * as it is; one tensor in memory at a time. False, and nothing is written, for a model that is a file or has no weights in half precision.
 */
export async function float32Copy(model: string, out: string): Promise<boolean> {
  if (!(await stat(model)).isDirectory()) return false
  const stored = new Map<string, Weight>()
  for (const path of await weightFiles(model)) {
    const { tensors } = await readSafetensorsHeader(path)
    for (const [name, { element, shape, offset, sizeBytes }] of tensors)
      stored.set(name, { name, element, shape, data: { kind: 'file', path, offset, length: sizeBytes } })
  }
  if (![...stored.values()].some(({ element }) => isHalf(element))) return false
  await mkdir(out, { recursive: true })
  const { folder, names } = await modelFiles(model)
  for (const name of names) {
    if (!name.includes('.safetensors')) await copyFile(join(folder, name), join(out, name))
  }
  const types = new Map<string, TensorType>(
    [...stored].map(([name, { element, shape }]) => [
      name,
      { element: isHalf(element) ? 'float32' : element, shape },
    ]),
  )
  await writeSafetensors(join(out, 'model.safetensors'), types, async (name) => {
    const { element, shape, data } = stored.get(name) as Weight
    const bytes = readWeight(data)
    return isHalf(element) ? storedAs(floatTensor({ element, shape, bytes }), 'float32').bytes : bytes
  })
  return true
}
