/**
 * An adapter merged into the weights of its base: a model that needs no adapter any more.
 *
 * The base is copied and the changed weights are overwritten where they lie in its files, one at a time and in their own
 * element type, so the result has the form of the base: a Hugging Face folder, or an ONNX file with its data files.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Adapter } from '../adapter/adapter.js'
import { type FactorPair, factorPairs } from '../adapter/factors.js'
import { factorProduct } from '../adapter/product.js'
import { floatTensor, storedAs } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { Graph, Weight, WeightData } from '../graph/graph.js'
import { openModel } from '../source/model.js'
import { modelFiles } from '../source/model-files.js'
import type { LinearLayer } from '../source/modules.js'

export interface MergeJob {
  /** The base: a Hugging Face folder or an .onnx file. */
  readonly model: string
  readonly adapter: Adapter
  /** The folder to make; it must not exist. */
  readonly out: string
}

export interface MergedModel {
  /** The folder, or the .onnx file in it. */
  readonly model: string
  /** The paths of the changed modules. */
  readonly modules: readonly string[]
}

interface Edit {
  readonly pair: FactorPair
  readonly weight: Weight
  readonly file: Extract<WeightData, { kind: 'file' }>
  readonly layout: LinearLayer['weightLayout']
}

/**
 * Writes the base with W + scaling * B A in place of W for every adapted module; half-precision weights are merged in
 * float32 and rounded to nearest. The folder appears whole or not at all. `onModule` hears of each module.
 * RangeError when a module is missing, shares its weight with another one, or is stored in a form that has no room for
 * other values (4-bit blocks, weights computed by the graph).
 */
export async function mergeAdapter(
  { model, adapter, out }: MergeJob,
  onModule: (done: number, total: number) => void = () => {},
): Promise<MergedModel> {
  const edits = await plannedEdits(model, adapter)
  const { folder, names } = await modelFiles(model)
  const root = resolve(folder)
  const staging = join(dirname(resolve(out)), `.merged-${randomUUID()}`)
  try {
    for (const name of names) {
      await mkdir(dirname(join(staging, name)), { recursive: true })
      await copyFile(join(root, name), join(staging, name), constants.COPYFILE_FICLONE)
    }
    for (const [done, edit] of edits.entries()) {
      const target = join(staging, relative(root, resolve(edit.file.path)))
      await overwrite(target, edit.file.offset, mergedBytes(edit, adapter))
      onModule(done + 1, edits.length)
    }
    await rename(staging, out)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  const merged = model.endsWith('.onnx') ? join(out, basename(model)) : out
  return { model: merged, modules: edits.map(({ pair }) => pair.path) }
}

async function plannedEdits(path: string, { config, tensors }: Adapter): Promise<readonly Edit[]> {
  const { graph, modules } = (await openModel(path)).forward({ rows: 1, columns: 2, trainable: false })
  const users = weightUsers(graph)
  if (config.method !== 'lora' || config.dora)
    throw new RangeError('only LoRA can be merged; keep the adapter beside the base')
  return factorPairs(config, tensors).map((pair) => {
    const module = modules.find((candidate) => candidate.path === pair.path)
    if (module === undefined) throw new RangeError(`the model has no linear layer "${pair.path}"`)
    const { inFeatures, outFeatures } = module
    if (inFeatures !== pair.inFeatures || outFeatures !== pair.outFeatures) {
      const expected = `(${outFeatures}, ${inFeatures})`
      throw new RangeError(`"${pair.path}" has a weight of ${expected}; the adapter is for another shape`)
    }
    const weight = graph.weights.get(module.weight)
    if (weight?.data.kind !== 'file') {
      throw new RangeError(`the weight of "${pair.path}" is not stored as one matrix; it cannot be merged`)
    }
    if ((users.get(weight.name) ?? 0) > 1) {
      throw new RangeError(
        `"${pair.path}" shares its weight with another part of the model; merging would change both. Keep the adapter beside the base`,
      )
    }
    return { pair, weight, file: weight.data, layout: module.weightLayout }
  })
}

const FORWARDS: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Transpose'])

/** How many nodes compute with each weight, seen through casts and transpositions. */
function weightUsers({ nodes, weights }: Graph): ReadonlyMap<string, number> {
  const users = new Map<string, number>()
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    const count = FORWARDS.has(op) ? (users.get(outputs[0] ?? '') ?? 0) : 1
    for (const name of inputs) users.set(name, (users.get(name) ?? 0) + count)
  }
  return new Map([...users].filter(([name]) => weights.has(name)))
}

function mergedBytes({ pair, weight, layout }: Edit, { tensors }: Adapter): Uint8Array {
  const { element, shape, data } = weight
  if (element !== 'float32' && element !== 'float16' && element !== 'bfloat16')
    throw new RangeError(
      `the weight of "${pair.path}" is ${element}; only floating-point weights can be merged`,
    )
  const stored = floatTensor({ element, shape, bytes: readWeight(data) })
  const change = factorProduct(pair, tensors).data // (O, I)
  const { inFeatures, outFeatures } = pair
  for (let output = 0; output < outFeatures; output++) {
    for (let input = 0; input < inFeatures; input++) {
      const at = layout === 'out-in' ? output * inFeatures + input : input * outFeatures + output
      stored.data[at] = (stored.data[at] as number) + (change[output * inFeatures + input] as number)
    }
  }
  return storedAs(stored, element).bytes
}

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
    await file.sync()
  } finally {
    await file.close()
  }
}
