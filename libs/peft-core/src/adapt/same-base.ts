/**
 * Whether an adapter is of this base: PEFT stores the frozen weights of adapted embeddings and heads beside their factors.
 * @module
 */
import { join } from 'node:path'
import { type Adapter, readAdapter } from '../adapter/adapter.js'
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import { floatTensor, storedAs } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import { elementBytes, type Graph, sizeOf, type Weight } from '../graph/graph.js'
import { embeddingLayers } from '../source/embeddings.js'
import { openModel } from '../source/model.js'
import type { LinearLayer } from '../source/modules.js'

/** How many values are compared at once. */
const PART = 2 ** 20

/**
 * Reads a PEFT folder for a base. RangeError as `readAdapter`, or when the folder keeps a frozen weight that the base has
 * other values for: the adapter was trained on another base.
 */
export async function readAdapterFor(model: string, folder: string): Promise<Adapter> {
  const adapter = await readAdapter(folder)
  const copies = await frozenCopies(folder)
  if (copies.size === 0) return adapter
  const { graph, modules } = (await openModel(model)).forward({ rows: 1, columns: 2, trainable: false })
  for (const [path, copy] of copies) {
    const weight = weightOf(graph, modules, path)
    if (weight === undefined || isSame(copy, weight)) continue
    throw new RangeError(
      `${folder}: the adapter keeps the frozen weight of "${path}", and the model has another; take the base it was trained on (it names ${JSON.stringify(adapter.config.baseModel)})`,
    )
  }
  return adapter
}

/** The frozen weights in a folder, by the paths of their modules; their values stay in the file. */
async function frozenCopies(folder: string): Promise<ReadonlyMap<string, Weight>> {
  const file = join(folder, 'adapter_model.safetensors')
  const { tensors } = await readSafetensorsHeader(file)
  return new Map(
    [...tensors].flatMap(([name, { element, shape, offset, sizeBytes }]) => {
      const path = /^base_model\.model\.(.+)\.base_layer\.weight$/s.exec(name)?.[1]
      const data = { kind: 'file', path: file, offset, length: sizeBytes } as const
      return path === undefined ? [] : [[path, { name, element, shape, data }] as const]
    }),
  )
}

/** The stored weight of a module as PyTorch has it; undefined where it is stored in another form. */
function weightOf(graph: Graph, modules: readonly LinearLayer[], path: string): Weight | undefined {
  const linear = modules.find((module) => module.path === path)
  const table = embeddingLayers(graph).find((layer) => layer.path === path)
  if (linear?.weightLayout === 'in-out') return undefined
  const weight = graph.weights.get(linear?.weight ?? table?.weight ?? '')
  return weight !== undefined && /^b?float/.test(weight.element) ? weight : undefined
}

/** Whether the values are equal, or one of them is the other in its own element type. */
function isSame(copy: Weight, weight: Weight): boolean {
  const size = sizeOf(weight.shape)
  if (copy.shape.length !== 2 || copy.shape.some((side, axis) => side !== weight.shape[axis])) return false
  for (let from = 0; from < size; from += PART) {
    const [left, right] = [copy, weight].map((of) => partOf(of, from, Math.min(PART, size - from)))
    if (left === undefined || right === undefined) return false
    if (!equal(left.bytes, right.bytes) && !isCast(left, right) && !isCast(right, left)) return false
  }
  return true
}

type Part = Pick<Weight, 'element' | 'shape'> & { readonly bytes: Uint8Array }

function partOf({ element, data }: Weight, from: number, count: number): Part {
  const width = elementBytes[element]
  const [offset, length] = [from * width, count * width]
  const bytes =
    data.kind === 'file'
      ? readWeight({ ...data, offset: data.offset + offset, length })
      : data.bytes.subarray(offset, offset + length)
  return { element, shape: [count], bytes }
}

/** Whether `to` holds the values of `from`, rounded to its element type. */
function isCast(from: Part, to: Part): boolean {
  const { element } = to
  if (element !== 'float32' && element !== 'float16' && element !== 'bfloat16') return false
  return equal(storedAs(floatTensor(from), element).bytes, to.bytes)
}

const equal = (left: Uint8Array, right: Uint8Array): boolean => Buffer.from(left).equals(right)
