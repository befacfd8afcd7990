/**
 * The tensors of a Hugging Face folder, found without reading their data.
 * @module
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import type { Weight } from '../graph/graph.js'
import type { ModelTensors } from './weights.js'

/** Tensors outside the prefix. */
const heads =
  /^(lm_head|embed_out|classifier|cls|score|pre_classifier|vocab_(transform|layer_norm|projector))\./

/** Whether a tensor is of a head, not of the model under it. */
export const isHeadTensor = (name: string): boolean => heads.test(name)

/**
 * The tensors under the names that the family's classes with a head use, and today's: those of the first BERT releases
 * (gamma, beta) and others are renamed. RangeError when the folder has no weights that can be read.
 */
export async function modelTensors(folder: string, prefix: string): Promise<ModelTensors> {
  return renamedTensors(await storedTensors(folder, prefix), modernName)
}

/** The tensors as they are stored, `prefix` before those of a checkpoint of the bare model. RangeError as `modelTensors`. */
export async function storedTensors(folder: string, prefix: string): Promise<ModelTensors> {
  const found = new Map<string, Weight>()
  for (const path of await weightFiles(folder)) {
    const { tensors } = await readSafetensorsHeader(path)
    for (const [name, { element, shape, offset, sizeBytes }] of tensors) {
      found.set(name, { name, element, shape, data: { kind: 'file', path, offset, length: sizeBytes } })
    }
  }
  const bare = ![...found.keys()].some((name) => name.startsWith(prefix))
  return bare ? renamedTensors(found, (name) => (heads.test(name) ? name : `${prefix}${name}`)) : found
}

function renamedTensors(tensors: ModelTensors, nameOf: (name: string) => string): ModelTensors {
  return new Map(
    [...tensors.values()].map((weight) => {
      const name = nameOf(weight.name)
      return [name, { ...weight, name }]
    }),
  )
}

/** Names of tensors that releases of transformers have given up, and what they are now. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
  [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  [/^vit\.encoder\.layer\./, 'vit.layers.'], // ViT
  [/^(vit\.layers\.\d+\.attention)\.attention\.query\./, '$1.q_proj.'],
  [/^(vit\.layers\.\d+\.attention)\.attention\.key\./, '$1.k_proj.'],
  [/^(vit\.layers\.\d+\.attention)\.attention\.value\./, '$1.v_proj.'],
  [/^(vit\.layers\.\d+\.attention)\.output\.dense\./, '$1.o_proj.'],
  [/^(vit\.layers\.\d+)\.intermediate\.dense\./, '$1.mlp.fc1.'],
  [/^(vit\.layers\.\d+)\.output\.dense\./, '$1.mlp.fc2.'],
  [/^embed_out\./, 'lm_head.'], // GPT-NeoX
  [/\.block_sparse_moe\./, '.mlp.'], // Mixtral
  [/(\.experts\.\d+)\.w1\./, '$1.gate_proj.'],
  [/(\.experts\.\d+)\.w2\./, '$1.down_proj.'],
  [/(\.experts\.\d+)\.w3\./, '$1.up_proj.'],
]

function modernName(name: string): string {
  return renamed.reduce((so, [old, now]) => so.replace(old, now), name)
}

/** The safetensors files of a folder: one, or the shards that its index names. */
export async function weightFiles(folder: string): Promise<readonly string[]> {
  const single = resolve(folder, 'model.safetensors')
  if (existsSync(single)) return [single]
  const index = join(folder, 'model.safetensors.index.json')
  if (existsSync(index)) return shardsOf(folder, await readFile(index, 'utf8'))
  const pickled = existsSync(join(folder, 'pytorch_model.bin'))
    ? '; pytorch_model.bin is a pickle and is never opened'
    : ''
  throw new RangeError(`${folder}: expected model.safetensors or model.safetensors.index.json${pickled}`)
}

function shardsOf(folder: string, index: string): readonly string[] {
  const map = (JSON.parse(index) as { weight_map?: Record<string, string> }).weight_map ?? {}
  return [...new Set(Object.values(map))].sort().map((name) => {
    if (name !== basename(name))
      throw new RangeError(`${folder}: the index names "${name}", which is outside the folder`)
    return resolve(folder, name)
  })
}
