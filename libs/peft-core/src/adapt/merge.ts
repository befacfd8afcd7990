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
import { floatTensor, storedAs } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { FileRange, Graph, Weight } from '../graph/graph.js'
import { openModel } from '../source/model.js'
import { modelFiles } from '../source/model-files.js'
import type { LinearLayer } from '../source/modules.js'
import { baseWeight } from './base-weight.js'
import { biasWeight } from './layer-bias.js'
import { type MergedLayer, mergedLayers } from './merged-layer.js'

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
  readonly path: string
  readonly range: FileRange
  /** The bytes to write there. */
  bytes(): Uint8Array
}

/**
 * Writes the base with the merged weight in place of each adapted module's; half-precision weights are merged in float32
 * and rounded to nearest. The folder appears whole or not at all. `onEdit` hears of each weight. RangeError when the
 * method cannot be merged, or when a module is missing, shares its weight with another one, or is stored in a form that
 * has no room for other values (4-bit blocks, weights computed by the graph).
 */
export async function mergeAdapter(
  { model, adapter, out }: MergeJob,
  onEdit: (done: number, total: number) => void = () => {},
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
      const target = join(staging, relative(root, resolve(edit.range.path)))
      await overwrite(target, edit.range.offset, edit.bytes())
      onEdit(done + 1, edits.length)
    }
    await rename(staging, out)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  const merged = model.endsWith('.onnx') ? join(out, basename(model)) : out
  return { model: merged, modules: [...new Set(edits.map(({ path }) => path))] }
}

async function plannedEdits(path: string, { config, tensors }: Adapter): Promise<readonly Edit[]> {
  const { graph, modules } = (await openModel(path)).forward({ rows: 1, columns: 2, trainable: false })
  const users = weightUsers(graph)
  return mergedLayers(config, tensors).flatMap((merged) => {
    const layer = modules.find((candidate) => candidate.path === merged.path)
    if (layer === undefined) throw new RangeError(`the model has no linear layer "${merged.path}"`)
    if ((users.get(layer.weight) ?? 0) > 1) {
      throw new RangeError(
        `"${merged.path}" shares its weight with another part of the model; merging would change both. Keep the adapter beside the base`,
      )
    }
    const edits = [weightEdit(graph, layer, merged)]
    const bias = merged.biasScale === undefined ? undefined : biasWeight(graph, layer)
    if (bias === undefined || merged.biasScale === undefined) return edits
    return [...edits, biasEdit(bias, merged.path, merged.biasScale)]
  })
}

function weightEdit(graph: Graph, layer: LinearLayer, merged: MergedLayer): Edit {
  const weight = graph.weights.get(layer.weight)
  const range = rangeOf(weight, layer.path)
  const element = storedElement(weight, layer.path)
  return {
    path: layer.path,
    range,
    bytes: () => {
      const { shape, data } = merged.weight(baseWeight(graph, layer)) // (O, I)
      const laid = layer.weightLayout === 'out-in' ? data : transposed(data, shape as [number, number])
      return storedAs({ shape: weight?.shape ?? shape, data: laid }, element).bytes
    },
  }
}

function biasEdit(bias: Weight, path: string, scale: Float32Array): Edit {
  const element = storedElement(bias, path)
  return {
    path,
    range: rangeOf(bias, path),
    bytes: () => {
      const { shape, data } = floatTensor({ ...bias, bytes: readWeight(bias.data) })
      return storedAs({ shape, data: data.map((value, at) => value * (scale[at] as number)) }, element).bytes
    },
  }
}

function rangeOf(weight: Weight | undefined, path: string): FileRange {
  const range = weight?.data.kind === 'file' ? weight.data : weight?.data.from
  if (range !== undefined) return range
  throw new RangeError(
    `the weights of "${path}" are not stored as plain numbers of a file; they cannot be merged`,
  )
}

function storedElement(weight: Weight | undefined, path: string): 'float32' | 'float16' | 'bfloat16' {
  const element = weight?.element
  if (element === 'float32' || element === 'float16' || element === 'bfloat16') return element
  throw new RangeError(`the weight of "${path}" is ${element}; only floating-point weights can be merged`)
}

/** (rows, columns) -> (columns, rows) */
function transposed(data: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  const result = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column] as number
  }
  return result
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

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(bytes, 0, bytes.length, offset)
    await file.sync()
  } finally {
    await file.close()
  }
}
