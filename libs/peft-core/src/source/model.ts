/**
 * A base model, whatever form it comes in: its forward graph for any batch size, and its linear modules.
 * @module
 */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Graph } from '../graph/graph.js'
import type { BatchSize } from '../train/batch.js'
import type { Architecture } from './architecture.js'
import { type ExpertParameter, expertParameters } from './expert-parameters.js'
import { parseArchitecture } from './families.js'
import type { Fields } from './fields.js'
import { type ForwardOptions, forwardGraph } from './hugging-face.js'
import { modelTensors } from './model-tensors.js'
import { type LinearLayer, linearModules } from './modules.js'
import { type HeadLayer, type NewHead, newModules, tensorsWithHead } from './new-head.js'
import { forwardFromOnnx, readOnnxFile } from './onnx-file.js'
import { fixedSize } from './onnx-inputs.js'
import type { Task } from './task.js'

export interface ForwardModel {
  readonly graph: Graph // with the output `logits`
  readonly modules: readonly LinearLayer[]
  /** The stacked weights of sparse experts, which are no linear layers. */
  readonly expertParameters: readonly ExpertParameter[]
}

export interface Model {
  /** The `model_type` of a Hugging Face folder, or onnx. */
  readonly family: string
  readonly task: Task
  /** The module that `all-linear` leaves out. */
  readonly outputLayer: string | undefined
  /** The longest sequence, where the model says it. */
  readonly positions: number | undefined
  /** The modules of a new head, which have to be trained whole and saved. */
  readonly newModules: readonly string[]
  /** The sizes that an exported model is bound to. */
  readonly fixedSize?: Partial<BatchSize>
  /** Whether several examples in a row can be kept apart. */
  readonly packs: boolean
  /** The forward pass for one batch size. `trainable` makes every weight a graph input. */
  forward(
    options: Pick<ForwardOptions, 'rows' | 'columns' | 'image' | 'isPacked' | 'trainable' | 'cache'>,
  ): ForwardModel
}

export interface OpenOptions {
  /** A classifier that takes the place of the model's own head. */
  readonly head?: NewHead | undefined
}

/** Opens a Hugging Face folder or an .onnx file, without reading its weights. RangeError says what was expected of the path. */
export async function openModel(path: string, { head }: OpenOptions = {}): Promise<Model> {
  const found = await stat(path).catch((cause: Error) => {
    throw new RangeError(
      `model "${path}": expected a Hugging Face folder or an .onnx file; ${cause.message}`,
      { cause },
    )
  })
  if (found.isDirectory()) return await openFolder(path, head)
  if (head !== undefined) throw new RangeError(`model "${path}": a new head needs a Hugging Face folder`)
  return await openOnnx(path)
}

async function openFolder(folder: string, head: NewHead | undefined): Promise<Model> {
  const file = join(folder, 'config.json')
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new RangeError(`model "${folder}": expected a config.json; ${cause.message}`, { cause })
  })
  const architecture = parseNamed(file, text, head)
  const stored = await modelTensors(folder, architecture.prefix)
  const headLayers = head === undefined ? [] : headLayersOf(architecture)
  const tensors =
    head === undefined
      ? stored
      : tensorsWithHead(stored, headLayers, { fields: JSON.parse(text) as Fields, head })
  return {
    family: architecture.family,
    task: architecture.task,
    outputLayer: architecture.outputLayer,
    positions: architecture.positions(tensors),
    newModules: newModules(stored, headLayers),
    packs: architecture.task === 'causal',
    forward: (options) => {
      const attentionMask = options.cache === undefined // a text that is generated has no padding before it
      const graph = forwardGraph(architecture, tensors, { ...options, attentionMask, tokenTypeIds: true })
      if (options.trainable) return { graph, modules: [], expertParameters: [] }
      return { graph, modules: linearModules(graph), expertParameters: expertParameters(graph) }
    },
  }
}

function headLayersOf({ family, headLayers }: Architecture): readonly HeadLayer[] {
  if (headLayers !== undefined) return headLayers
  throw new RangeError(
    `a new head is not supported for model_type "${family}"; use a decoder, an encoder or ViT`,
  )
}

function parseNamed(file: string, text: string, head: NewHead | undefined): Architecture {
  try {
    return parseArchitecture(JSON.parse(text), head)
  } catch (cause) {
    throw new RangeError(`${file}: ${(cause as Error).message}`, { cause })
  }
}

async function openOnnx(path: string): Promise<Model> {
  const model = await readOnnxFile(path)
  const fixed = fixedSize(model)
  const packed = await packsProjections(dirname(path))
  const { graph, modules } = forwardFromOnnx(model, { rows: 2, columns: 3, ...fixed }, { packed })
  const outputLayer = modules.find(({ path }) =>
    /^(lm_head|classifier|score|cls\.predictions\.decoder)$/.test(path),
  )?.path
  return {
    family: 'onnx',
    task: taskOf(graph, modules),
    outputLayer,
    positions: fixed.columns,
    newModules: [],
    fixedSize: fixed,
    packs: false,
    forward: ({ trainable, rows, columns, image }) => {
      if (trainable)
        throw new RangeError(`model "${path}": training every weight needs a Hugging Face folder`)
      return { ...forwardFromOnnx(model, { rows, columns, image }, { packed }), expertParameters: [] }
    },
  }
}

/** Whether the configuration beside an .onnx file is of a family whose own projection of queries, keys and values is packed. */
async function packsProjections(folder: string): Promise<boolean> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8').catch(() => '')
  const texts = await Promise.all(['config.json', 'genai_config.json'].map(read))
  return texts.some((text) => /"(?:model_)?type"\s*:\s*"phi[34]\w*"/.test(text))
}

/** Modules that only models have whose tokens see those after them. */
const ENCODER = /^(?:bert|roberta|distilbert|electra|deberta|albert|mpnet|cls|vocab_transform|\w*encoder)\./

const readsImages = ({ inputs }: Graph): boolean =>
  inputs.some(({ name, shape }) => name === 'pixel_values' && shape.length === 4)

function taskOf(graph: Graph, modules: readonly LinearLayer[]): Task {
  const rank = graph.outputs.find(({ name }) => name === 'logits')?.shape.length
  if (rank === 2) return readsImages(graph) ? 'image' : 'sequence'
  if (modules.some(({ path }) => path === 'classifier')) return 'token'
  return modules.some(({ path }) => ENCODER.test(path)) ? 'masked' : 'causal'
}
