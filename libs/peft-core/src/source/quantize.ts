/**
 * A model with its linear layers stored as blocks of small integers, to train adapters over in little memory.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import { writeSafetensors } from '../adapter/safetensors-write.js'
import { floatTensor } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { Graph, TensorType, Weight } from '../graph/graph.js'
import { type BlockFormat, type BlockMatrix, blockNames, toBlocks } from './block-weights.js'
import { openModel } from './model.js'
import { modelFiles } from './model-files.js'
import { weightFiles } from './model-tensors.js'
import type { LinearLayer } from './modules.js'

export interface QuantizeJob extends BlockFormat {
  /** A Hugging Face folder. */
  readonly model: string
  /** The folder to make; it must not exist. */
  readonly out: string
}

export interface QuantizedModel {
  readonly model: string
  /** The paths of the modules whose weights are blocks now. */
  readonly modules: readonly string[]
  /** The linear modules that were left as they are: the one that makes the logits, and those that blocks do not fill. */
  readonly kept: readonly string[]
  readonly bytesBefore: number
  readonly bytesAfter: number
}

/**
 * Writes a folder like the model's with the weight of each linear layer as packed blocks (see `toBlocks`), one layer in
 * memory at a time; whatever else the model has stays as it is. The folder appears whole or not at all. `onLayer` hears
 * of each. RangeError when the model is no Hugging Face folder or is quantised already, and when blocks fill no layer.
 */
export async function quantizeModel(
  job: QuantizeJob,
  onLayer: (done: number, total: number) => void = () => {},
): Promise<QuantizedModel> {
  const { model, out, blockSize } = job
  if (!(await stat(model)).isDirectory())
    throw new RangeError(`model "${model}": expected a Hugging Face folder to quantise, got a file`)
  if (blockSize < 16 || (blockSize & (blockSize - 1)) !== 0)
    throw new RangeError(`expected a block size that is a power of two and at least 16, got ${blockSize}`)
  const opened = await openModel(model)
  const { graph, modules } = opened.forward({ rows: 1, columns: 2, trainable: false })
  if (graph.nodes.some(({ op }) => op === 'MatMulNBits'))
    throw new RangeError(`model "${model}" is quantised already`)
  const stored = await storedTensors(model)
  const layers = new Map(
    modules.flatMap((module) => {
      const found = module.path === opened.outputLayer ? undefined : storedName(graph, stored, module)
      return found === undefined || module.inFeatures % blockSize !== 0 ? [] : [[found, module] as const]
    }),
  )
  if (layers.size === 0)
    throw new RangeError(
      `no linear layer of "${model}" has rows of whole blocks of ${blockSize}; ${smaller(modules)}`,
    )
  const staging = join(dirname(resolve(out)), `.quantized-${randomUUID()}`)
  try {
    await mkdir(staging, { recursive: true })
    await copyRest(model, staging, job)
    await writeTensors(join(staging, 'model.safetensors'), { stored, layers, format: job, onLayer })
    ;(await openModel(staging)).forward({ rows: 1, columns: 2, trainable: false })
    await rename(staging, out)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  const paths = [...layers.values()].map(({ path }) => path)
  return {
    model: out,
    modules: paths,
    kept: modules.map(({ path }) => path).filter((path) => !paths.includes(path)),
    bytesBefore: [...stored.values()].reduce((sum, { data }) => sum + lengthOf(data), 0),
    bytesAfter: (await stat(join(out, 'model.safetensors'))).size,
  }
}

/** What to do about blocks that fill the rows of no layer. */
function smaller(modules: readonly LinearLayer[]): string {
  const most = Math.max(0, ...modules.map(({ inFeatures }) => inFeatures & -inFeatures)) // the greatest power of two in it
  return most < 16
    ? 'their widths hold no block of 16 or more, so use the model as it is'
    : `take blocks of ${most} or fewer`
}

const lengthOf = (data: Weight['data']): number => (data.kind === 'file' ? data.length : data.bytes.length)

async function storedTensors(folder: string): Promise<ReadonlyMap<string, Weight>> {
  const found = new Map<string, Weight>()
  for (const path of await weightFiles(folder)) {
    const { tensors } = await readSafetensorsHeader(path)
    for (const [name, { element, shape, offset, sizeBytes }] of tensors)
      found.set(name, { name, element, shape, data: { kind: 'file', path, offset, length: sizeBytes } })
  }
  return found
}

/** The tensor that is a module's weight and nothing else; undefined when it is a part of one, or is used elsewhere too. */
function storedName(
  graph: Graph,
  stored: ReadonlyMap<string, Weight>,
  { weight: name }: LinearLayer,
): string | undefined {
  const weight = graph.weights.get(name)
  const readers = (value: string): readonly string[] =>
    graph.nodes
      .filter(({ inputs }) => inputs.includes(value))
      .flatMap(({ op, outputs: [output] }) =>
        op === 'Cast' ? readers(output as string) : [output as string],
      )
  const isSame = ({ data }: Weight): boolean =>
    data.kind === 'file' &&
    weight?.data.kind === 'file' &&
    data.path === weight.data.path &&
    data.offset === weight.data.offset &&
    data.length === weight.data.length
  return readers(name).length === 1 ? [...stored].find(([, tensor]) => isSame(tensor))?.[0] : undefined
}

/** Tokenizer and settings; the configuration says how the weights are stored. */
async function copyRest(model: string, staging: string, format: BlockFormat): Promise<void> {
  const { folder, names } = await modelFiles(model)
  for (const name of names) {
    if (!name.includes('.safetensors')) await copyFile(join(folder, name), join(staging, name))
  }
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as object
  const { bits, blockSize, symmetric } = format
  const quantization = { quant_method: 'matmulnbits', bits, block_size: blockSize, symmetric }
  const text = JSON.stringify({ ...config, quantization_config: quantization }, undefined, 2)
  await writeFile(join(staging, 'config.json'), `${text}\n`)
}

interface Writing {
  readonly stored: ReadonlyMap<string, Weight>
  readonly layers: ReadonlyMap<string, LinearLayer>
  readonly format: BlockFormat
  readonly onLayer: (done: number, total: number) => void
}

async function writeTensors(path: string, { stored, layers, format, onLayer }: Writing): Promise<void> {
  const { bits, blockSize, symmetric } = format
  const types = new Map<string, TensorType>()
  const parts = new Map<string, (blocks: BlockMatrix) => Uint8Array>()
  const sources = new Map<string, string>()
  for (const [name, { element, shape }] of stored) {
    const layer = layers.get(name)
    if (layer === undefined) {
      types.set(name, { element, shape })
      continue
    }
    const names = blockNames(name, bits)
    const [outputs, blocks] = [layer.outFeatures, layer.inFeatures / blockSize]
    const add = (part: string, type: TensorType, bytesOf: (made: BlockMatrix) => Uint8Array): void => {
      types.set(part, type)
      parts.set(part, bytesOf)
      sources.set(part, name)
    }
    add(
      names.packed,
      { element: 'uint8', shape: [outputs, blocks, (blockSize * bits) / 8] },
      ({ packed }) => packed,
    )
    add(
      names.scales,
      { element: 'float32', shape: [outputs, blocks] },
      ({ scales }) => new Uint8Array(scales.buffer),
    )
    if (symmetric) continue
    const zeros = { element: 'uint8', shape: [outputs, Math.ceil((blocks * bits) / 8)] } as const
    add(names.zeroPoints, zeros, ({ zeroPoints }) => zeroPoints ?? new Uint8Array(0))
  }
  let last: { readonly name: string; readonly blocks: BlockMatrix } | undefined
  let done = 0
  await writeSafetensors(path, types, async (part) => {
    const [name, bytesOf] = [sources.get(part) ?? part, parts.get(part)]
    const weight = stored.get(name) as Weight
    if (bytesOf === undefined) return readWeight(weight.data)
    // The file has all scales before the first packed blocks: each layer is rounded twice, and held for its neighbours.
    if (last?.name !== name) {
      last = { name, blocks: blocksOf(weight, layers.get(name) as LinearLayer, format) }
      onLayer(++done, 2 * layers.size)
    }
    return bytesOf(last.blocks)
  })
}

function blocksOf(
  weight: Weight,
  { inFeatures, outFeatures, weightLayout }: LinearLayer,
  format: BlockFormat,
): BlockMatrix {
  const { data } = floatTensor({ ...weight, bytes: readWeight(weight.data) })
  if (weightLayout === 'out-in') return toBlocks(data, [outFeatures, inFeatures], format)
  const turned = new Float32Array(data.length)
  for (let input = 0; input < inFeatures; input++) {
    for (let output = 0; output < outFeatures; output++)
      turned[output * inFeatures + input] = data[input * outFeatures + output] as number
  }
  return toBlocks(turned, [outFeatures, inFeatures], format)
}
