/**
 * A model from an .onnx file, as PyTorch's exporters and Optimum write them.
 * @module
 */
import { readFileSync, type Stats, statSync } from 'node:fs'
import path from 'node:path'
import { fused } from '../graph/fuse.js'
import type { Attributes, Graph, Weight } from '../graph/graph.js'
import { decodeOnnx } from '../graph/onnx-decode.js'
import { OnnxError } from '../graph/onnx-error.js'
import type { OnnxModel, OnnxSubgraph } from '../graph/onnx-model.js'
import { renameValue } from '../graph/rename-value.js'
import { specialise } from '../graph/specialise.js'
import { widened } from '../graph/widen.js'
import type { BatchSize } from '../train/batch.js'
import { markFolded } from './folded-layers.js'
import { moduleOfNode } from './module-names.js'
import { type LinearLayer, linearModules } from './modules.js'
import { type InputPlan, planInputs } from './onnx-inputs.js'
import { expectAllTokens, logitsOf } from './onnx-output.js'
import { separateProjections } from './packed-projections.js'
import { withPyTorchNames } from './renamed-layers.js'
import { joinRepeated } from './repeated-layers.js'

export interface OnnxForward {
  /** Inputs `input_ids` (rows, columns) and those of its companions that the model has, or `pixel_values`; output `logits`. */
  readonly graph: Graph
  readonly modules: readonly LinearLayer[]
}

export interface OnnxForwardOptions {
  /** Whether a packed projection of queries, keys and values is one layer in PyTorch, too, as Phi-3's. */
  readonly packed?: boolean
}

/** Reading a file of more bytes at once is not possible; such a model keeps its weights in files beside it. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/** Weights of fewer bytes are kept in memory. */
const SMALL_BYTES = 4096

/**
 * Reads an ONNX file and checks that the weights it keeps in other files are there. Weights inside the file are used
 * in place, too: nothing of their size stays in memory. Half-precision models compute in float32. OnnxError `malformed` when it is not an ONNX file,
 * `missing-data` naming every file that is missing or too short.
 */
export function readOnnxFile(file: string): OnnxModel {
  const stats = statsOf(file)
  if (!stats?.isFile()) throw new OnnxError('malformed', `expected an ONNX file at "${file}"; there is none`)
  if (stats.size > MAX_FILE_BYTES) {
    throw new OnnxError('unsupported', `"${file}" has ${stats.size} bytes; export it with external data`)
  }
  const bytes = readFileSync(file)
  const place = path.resolve(file)
  const model = decodeOnnx(bytes, path.dirname(place))
  checkData(model)
  return widened(withoutBytes(model, bytes, place))
}

/** The model with its large weights as byte ranges of its file, and with copies of the small ones. */
function withoutBytes(model: OnnxModel, bytes: Uint8Array, file: string): OnnxModel {
  const detached = (weight: Weight): Weight => {
    const { data } = weight
    if (data.kind === 'file' || data.bytes.buffer !== bytes.buffer) return weight
    const [offset, length] = [data.bytes.byteOffset - bytes.byteOffset, data.bytes.byteLength]
    const from = { path: file, offset, length }
    if (length >= SMALL_BYTES) return { ...weight, data: { kind: 'file', ...from } }
    return { ...weight, data: { kind: 'bytes', bytes: Uint8Array.from(data.bytes), from } }
  }
  return { ...model, ...mapWeights(model, detached) }
}

type WithWeights = Pick<OnnxSubgraph, 'initializers' | 'nodes'>

/** A graph with every weight changed: its initializers, the attributes of its nodes, and the graphs inside of it. */
function mapWeights({ initializers, nodes }: WithWeights, change: (weight: Weight) => Weight): WithWeights {
  return {
    initializers: new Map([...initializers].map(([name, weight]) => [name, change(weight)])),
    nodes: nodes.map((node) => {
      const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
        name,
        attribute.kind === 'tensor' ? { ...attribute, value: change(attribute.value) } : attribute,
      ])
      const subgraphs = [...(node.subgraphs ?? [])].map(
        ([name, graph]) => [name, { ...graph, ...mapWeights(graph, change) }] as const,
      )
      return {
        ...node,
        attributes: Object.fromEntries(attributes) as Attributes,
        subgraphs: new Map(subgraphs),
      }
    }),
  }
}

function statsOf(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false })
}

function checkData(model: OnnxModel): void {
  const needed = new Map<string, number>()
  mapWeights(model, (weight) => {
    const { data } = weight
    if (data.kind === 'file')
      needed.set(data.path, Math.max(needed.get(data.path) ?? 0, data.offset + data.length))
    return weight
  })
  const faults = [...needed].flatMap(([file, sizeBytes]) => {
    const stats = statsOf(file)
    if (!stats?.isFile()) return [`"${file}" is missing`]
    return stats.size < sizeBytes ? [`"${file}" has ${stats.size} bytes, expected at least ${sizeBytes}`] : []
  })
  if (faults.length === 0) return
  throw new OnnxError('missing-data', `the model keeps weights in files beside it: ${faults.join('; ')}`)
}

/**
 * The forward pass of a model for one batch shape. Caches of past keys and values are left empty. Errors:
 * UnsupportedOperators; OnnxError `no-logits`, or `unsupported` for inputs that a batch of tokens does not have.
 */
export function forwardFromOnnx(
  model: OnnxModel,
  size: BatchSize,
  { packed = false }: OnnxForwardOptions = {},
): OnnxForward {
  const output = logitsOf(model)
  const inputs = planInputs(model, size)
  const shapes = new Map([...inputs].map(([name, { shape }]) => [name, shape]))
  const constants = new Map(
    [...inputs].flatMap(([name, { constant }]) =>
      constant === undefined ? [] : [[name, constant] as const],
    ),
  )
  const how = { shapes, constants, outputs: [output.name], moduleOf: moduleOfNode }
  const whole = renamedInputs(fused(specialise(model, how)), inputs)
  expectAllTokens(whole, whole.types.get(output.name)?.shape ?? [])
  const layers = markFolded(whole, joinRepeated(whole, withPyTorchNames(linearModules(whole))))
  const { graph, modules } = packed ? { graph: whole, modules: layers } : separateProjections(whole, layers)
  const paths = new Map(modules.map((module) => [module.node, module.path]))
  const nodes = graph.nodes.map((node) => {
    const module = paths.get(node.name)
    return module === undefined ? node : { ...node, module }
  })
  return { graph: renameValue({ ...graph, nodes }, output.name, 'logits'), modules }
}

/** The graph whose inputs have the names of a batch's arrays, without those that nothing reads. */
function renamedInputs(graph: Graph, inputs: ReadonlyMap<string, InputPlan>): Graph {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs))
  let named: Graph = { ...graph, inputs: graph.inputs.filter(({ name }) => read.has(name)) }
  for (const [name, { feed }] of inputs) if (feed !== undefined) named = renameValue(named, name, feed)
  return named
}
