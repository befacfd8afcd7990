/**
 * Modules that are trained whole beside the factors (PEFT's `modules_to_save`): their weights become graph inputs under
 * PEFT's keys, such as base_model.model.<module>.<parameter>.
 * @module
 */
import { isSavedKey, type SavedModules, savedKey } from '../adapter/saved-modules.js'
import type { Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { createBuilder } from '../graph/builder.js'
import { readWeight } from '../graph/constant.js'
import { type Graph, intOf, ints, type Node, type Value, type Weight } from '../graph/graph.js'
import { embeddingLayers } from '../source/embeddings.js'
import type { LinearLayer } from '../source/modules.js'

/** A parameter that a saved module has, and where the graph reads it. */
export interface SavedParameter {
  readonly key: string
  /** The path of its module. */
  readonly path: string
  /** As PyTorch has it. */
  readonly shape: readonly number[]
  readonly weight: Weight
  /** Whether the file has the parameter transposed. */
  readonly isTransposed: boolean
  readonly reads: readonly {
    readonly node: string
    readonly input: number
    /** Whether the node reads the parameter transposed. */
    readonly isTransposed: boolean
  }[]
}

/**
 * The parameters of the modules that the configuration keeps whole. A weight that is tied to another module is read here only; the other
 * module keeps the frozen one, as in PEFT. RangeError when no name selects anything, with the modules there
 * are.
 */
export function savedParameters(
  { graph, modules }: { readonly graph: Graph; readonly modules: readonly LinearLayer[] },
  config: SavedModules,
): readonly SavedParameter[] {
  const names = config.modulesToSave ?? []
  if (names.length === 0) return []
  const all = parametersOf(graph, modules).map(({ name, ...parameter }): SavedParameter => {
    const path = name.split('.').slice(0, -1).join('.')
    return { ...parameter, path, key: savedKey(config, name) }
  })
  const saved = all.filter(({ key }) => isSavedKey(config, key))
  const packed = saved.find(({ weight }) => !/^b?float/.test(weight.element))
  if (packed !== undefined) {
    throw new RangeError(
      `modules_to_save ${names.join(', ')}: the base stores "${packed.path}" in blocks of integers, which cannot be trained; leave it out, or take the base as it was before it was quantized`,
    )
  }
  if (saved.length > 0) return saved
  const paths = new Set(all.map(({ path }) => path))
  const known = [...new Set([...paths].map((path) => path.replace(/\.\d+\..*/, '')))].slice(-8)
  throw new RangeError(
    `modules_to_save ${names.join(', ')} match no module; the model has ${known.join(', ')}`,
  )
}

/** The values that the parameters have in the base. */
export function savedTensors(parameters: readonly SavedParameter[]): ReadonlyMap<string, Tensor> {
  return new Map(
    parameters.map(({ key, weight, isTransposed }) => {
      const { element, shape, data } = weight
      const stored = floatTensor({ element, shape, bytes: readWeight(data) })
      return [key, isTransposed ? flipped(stored) : stored] as const
    }),
  )
}

/** A graph in which these parameters are inputs. */
export function insertSaved(graph: Graph, parameters: readonly SavedParameter[]): Graph {
  if (parameters.length === 0) return graph
  const { nodes, ...rest } = graph
  const given = [...graph.inputs, ...graph.weights.values()]
  const types = new Map(given.map((value) => [value.name, value] as const))
  const builder = createBuilder({ ...rest, nodes: [], types })
  const replaced = new Map<string, string>()
  for (const { key, shape, reads } of parameters) {
    const input = builder.input(key, 'float32', shape)
    let other: Value | undefined
    for (const read of reads) {
      if (read.isTransposed)
        other ??= builder.op('Transpose', [input], { attributes: { perm: ints([1, 0]) } })
      replaced.set(placeOf(read.node, read.input), read.isTransposed && other ? other.name : key)
    }
  }
  for (const node of nodes) {
    const inputs = node.inputs.map((name, at) => replaced.get(placeOf(node.name, at)) ?? name)
    builder.append({ ...node, inputs })
  }
  return builder.build()
}

const placeOf = (node: string, input: number): string => `${node}\n${input}`

/** A parameter under the name that it has in the model. */
type NamedParameter = Omit<SavedParameter, 'key' | 'path'> & { readonly name: string }

function parametersOf(graph: Graph, modules: readonly LinearLayer[]): readonly NamedParameter[] {
  const layers = new Map(modules.map((module) => [module.node, module]))
  const tables = new Map(embeddingLayers(graph).map(({ node, path }) => [node, path]))
  const weightOf = weightsBehind(graph)
  const found = new Map<string, NamedParameter>()
  const add: AddParameter = (parameter, read) => {
    const reads = found.get(parameter.name)?.reads ?? []
    found.set(parameter.name, { ...parameter, reads: [...reads, read] })
  }
  const adders = addersOf(graph)
  for (const node of graph.nodes) {
    if (FORWARDS.has(node.op)) continue
    const layer = layers.get(node.name)
    if (layer !== undefined) {
      const weight = graph.weights.get(layer.weight)
      if (weight !== undefined) addLayerWeight({ node, layer, weight }, add)
    }
    const bias = layer === undefined ? undefined : biasOf(node, adders, weightOf)
    if (layer !== undefined && bias !== undefined) {
      const { weight, shape } = { weight: bias.weight, shape: bias.weight.shape }
      add(
        { name: `${layer.path}.bias`, shape, weight, isTransposed: false },
        { ...bias.read, isTransposed: false },
      )
    }
    for (const [input, name] of node.inputs.entries()) {
      const weight = weightOf.get(name)
      if (weight === undefined || layer !== undefined || !isParameter(weight)) continue
      const table = input === 0 ? tables.get(node.name) : undefined
      const parameterName = table === undefined ? weight.name : `${table}.weight`
      add(
        { name: parameterName, shape: weight.shape, weight, isTransposed: false },
        { node: node.name, input, isTransposed: false },
      )
    }
  }
  return [...found.values()]
}

type AddParameter = (parameter: Omit<NamedParameter, 'reads'>, read: SavedParameter['reads'][number]) => void

/** A Conv1D keeps (inputs, outputs) under its own name; every other layer has (outputs, inputs) in PyTorch. */
function addLayerWeight(
  { node, layer, weight }: { readonly node: Node; readonly layer: LinearLayer; readonly weight: Weight },
  add: AddParameter,
): void {
  const { path, inFeatures, outFeatures, weightLayout } = layer
  const layout = weight.name === `${path}.weight` ? weightLayout : 'out-in'
  const operand = intOf(node, 'transB', 0) === 1 ? 'out-in' : 'in-out'
  const shape = layout === 'out-in' ? [outFeatures, inFeatures] : [inFeatures, outFeatures]
  add(
    { name: `${path}.weight`, shape, weight, isTransposed: layout !== weightLayout },
    { node: node.name, input: 1, isTransposed: operand !== layout },
  )
}

const FORWARDS: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Transpose'])

/** Weights by the names of the values that hold them, seen through casts. */
function weightsBehind({ nodes, weights }: Graph): ReadonlyMap<string, Weight> {
  const found = new Map<string, Weight>(weights)
  for (const { op, inputs, outputs } of nodes) {
    const weight = op === 'Cast' || op === 'Identity' ? found.get(inputs[0] ?? '') : undefined
    if (weight !== undefined) found.set(outputs[0] ?? '', weight)
  }
  return found
}

const isParameter = ({ name, element }: Weight): boolean =>
  /\.(?:weight|bias|[A-Za-z]\w*)$/.test(name) && /float/.test(element)

function addersOf({ nodes }: Graph): ReadonlyMap<string, Node> {
  return new Map(
    nodes.flatMap((node) => (node.op === 'Add' ? node.inputs.map((name) => [name, node] as const) : [])),
  )
}

/** The bias of a product: its third input, or what is added to its result. */
function biasOf(
  node: Node,
  adders: ReadonlyMap<string, Node>,
  weights: ReadonlyMap<string, Weight>,
): { readonly weight: Weight; readonly read: { readonly node: string; readonly input: number } } | undefined {
  const adder = node.op === 'Gemm' && (node.inputs[2] ?? '') !== '' ? node : adders.get(node.outputs[0] ?? '')
  const input = adder === node ? 2 : (adder?.inputs ?? []).findIndex((name) => name !== node.outputs[0])
  const weight = weights.get(adder?.inputs[input] ?? '')
  if (adder === undefined || weight?.shape.length !== 1) return undefined
  return { weight, read: { node: adder.name, input } }
}

/** (rows, columns) -> (columns, rows) */
export function flipped({ shape, data }: Tensor): Tensor {
  const [rows, columns] = shape as [number, number]
  const result = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column] as number
  }
  return { shape: [columns, rows], data: result }
}
