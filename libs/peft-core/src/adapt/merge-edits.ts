/**
 * The weights of a base that an adapter changes, and what they become.
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import { type FactorPair, factorKey, factorPairs } from '../adapter/factors.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import { expertProduct, factorProduct } from '../adapter/product.js'
import { isSavedKey, type SavedModules } from '../adapter/saved-modules.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { floatTensor, storedAs } from '../adapter/values.js'
import { readWeight } from '../graph/constant.js'
import type { FileRange, Graph, Weight } from '../graph/graph.js'
import { embeddingLayers } from '../source/embeddings.js'
import { expectWhole } from '../source/folded-layers.js'
import type { ForwardModel } from '../source/model.js'
import type { LinearLayer } from '../source/modules.js'
import { baseWeight } from './base-weight.js'
import { biasWeight } from './layer-bias.js'
import { expertTargets } from './lora-experts.js'
import { type MergedLayer, mergedLayers } from './merged-layer.js'
import { flipped, savedParameters } from './saved-modules.js'

/** New bytes for a part of a file of the base. */
export interface Edit {
  /** The module that it belongs to. */
  readonly path: string
  readonly range: FileRange
  bytes(): Uint8Array
}

/** A weight of the graph, and what stands in its place. */
interface Change {
  readonly path: string
  readonly weight: Weight
  merged(): Tensor
}

/** One edit for each changed weight. RangeError names what cannot be merged. */
export function plannedEdits(forward: ForwardModel, { config, tensors }: Adapter): readonly Edit[] {
  const layers = layerChanges(forward, mergedLayers(config, tensors))
  const others =
    config.method === 'lora'
      ? [...embeddingChanges(forward.graph, config, tensors), ...expertChanges(forward, config, tensors)]
      : []
  const saved = savedChanges(forward, config, tensors)
  const users = weightUsers(forward.graph)
  return [...layers, ...others, ...saved].map((change) => editOf(change, users))
}

function editOf({ path, weight, merged }: Change, users: ReadonlyMap<string, number>): Edit {
  if ((users.get(weight.name) ?? 0) > 1) {
    throw new RangeError(
      `"${path}" shares its weight with another part of the model; merging would change both. Keep the adapter beside the base`,
    )
  }
  const range = rangeOf(weight, path)
  const element = storedElement(weight, path)
  return { path, range, bytes: () => storedAs({ ...merged(), shape: weight.shape }, element).bytes }
}

function layerChanges({ graph, modules }: ForwardModel, layers: readonly MergedLayer[]): readonly Change[] {
  return layers.flatMap((merged) => {
    const { path } = merged
    const layer = modules.find((candidate) => candidate.path === path)
    const weight = graph.weights.get(layer?.weight ?? '')
    if (layer === undefined) throw new RangeError(`the model has no linear layer "${path}"`)
    if (weight === undefined) throw notStored(path)
    expectOneMatrix(modules.filter((candidate) => candidate.path === path))
    const change = { path, weight, merged: () => laidOut(merged.weight(baseWeight(graph, layer)), layer) }
    return [change, ...biasChanges(graph, layer, merged)]
  })
}

/** RangeError when a change of the one matrix would leave a part of the layer as it was. */
function expectOneMatrix(applications: readonly LinearLayer[]): void {
  applications.forEach(expectWhole)
  const copied = applications.find(({ copy }) => copy !== undefined)
  if (copied === undefined) return
  throw new RangeError(
    `"${copied.path}" is applied several times, and its matrix is stored for each; keep the adapter beside the base`,
  )
}

function laidOut(weight: Tensor, { weightLayout }: LinearLayer): Tensor {
  return weightLayout === 'out-in' ? weight : flipped(weight)
}

function biasChanges(
  graph: Graph,
  layer: LinearLayer,
  { path, bias, needsBias }: MergedLayer,
): readonly Change[] {
  const weight = bias === undefined ? undefined : biasWeight(graph, layer)
  if (bias !== undefined && weight !== undefined)
    return [{ path, weight, merged: () => ({ shape: weight.shape, data: bias(valuesOf(weight).data) }) }]
  if (needsBias !== true) return []
  throw new RangeError(
    `"${path}" has no bias that the adapter's could be added to; keep the adapter beside the base`,
  )
}

function embeddingChanges(graph: Graph, config: LoraConfig, tensors: TensorMap): readonly Change[] {
  const tables = embeddingLayers(graph)
  return pairsOf(config, tensors, 'embedding').map((pair) => {
    const { path, inFeatures, outFeatures } = pair
    const table = tables.find((candidate) => candidate.path === path)
    const weight = graph.weights.get(table?.weight ?? '')
    if (weight === undefined) throw new RangeError(`the model has no embedding "${path}"`)
    expectShape(path, weight.shape, [inFeatures, outFeatures])
    return { path, weight, merged: () => sum(valuesOf(weight), flipped(factorProduct(pair, tensors))) }
  })
}

/** Each expert's matrix is made of one weight or several, one below the other. */
function expertChanges(
  { graph, expertParameters }: ForwardModel,
  config: LoraConfig,
  tensors: TensorMap,
): readonly Change[] {
  const pairs = new Map(pairsOf(config, tensors, 'experts').map((pair) => [pair.path, pair]))
  if (pairs.size === 0) return []
  return expertTargets(expertParameters, config.targetParameters).flatMap(({ parameter, wrapper }) => {
    const pair = pairs.get(wrapper)
    if (pair === undefined) throw new RangeError(`expected a tensor "${factorKey(wrapper, 'A')}"`)
    const { path, experts, inFeatures, outFeatures, applications } = parameter
    expectShape(
      path,
      [experts, outFeatures, inFeatures],
      [pair.experts ?? 1, pair.outFeatures, pair.inFeatures],
    )
    return applications.flatMap(({ expert, weights }) => {
      let start = 0
      return weights.map((name): Change => {
        const weight = graph.weights.get(name)
        if (weight === undefined) throw notStored(path)
        const from = start
        start += weight.shape.reduce((product, side) => product * side, 1)
        const changeOf = (): Float32Array => expertProduct(pair, tensors, expert).data.subarray(from, start)
        return {
          path,
          weight,
          merged: () => sum(valuesOf(weight), { shape: weight.shape, data: changeOf() }),
        }
      })
    })
  })
}

/** Modules that the adapter keeps whole take the place of the base's. */
function savedChanges(
  { graph, modules }: ForwardModel,
  config: SavedModules,
  tensors: TensorMap,
): readonly Change[] {
  const saved = savedParameters({ graph, modules }, config)
  const foreign = [...tensors.keys()].find(
    (key) => isSavedKey(config, key) && !saved.some((parameter) => parameter.key === key),
  )
  if (foreign !== undefined)
    throw new RangeError(`the base has no weight for "${foreign}"; keep the adapter beside it`)
  return saved.map(({ key, path, shape, weight, isTransposed }) => {
    const tensor = tensors.get(key)
    if (tensor === undefined) throw new RangeError(`expected a tensor "${key}"`)
    expectShape(path, tensor.shape, shape)
    return { path, weight, merged: () => (isTransposed ? flipped(tensor) : tensor) }
  })
}

function pairsOf(config: LoraConfig, tensors: TensorMap, kind: FactorPair['kind']): readonly FactorPair[] {
  return factorPairs(config, tensors).filter((pair) => pair.kind === kind)
}

const valuesOf = (weight: Weight): Tensor => floatTensor({ ...weight, bytes: readWeight(weight.data) })

function sum({ shape, data }: Tensor, change: Tensor): Tensor {
  return { shape, data: data.map((value, at) => value + (change.data[at] as number)) }
}

function expectShape(path: string, found: readonly number[], wanted: readonly number[]): void {
  if (found.length === wanted.length && found.every((side, at) => side === wanted[at])) return
  throw new RangeError(`"${path}" expected the shape (${wanted.join(', ')}), got (${found.join(', ')})`)
}

function notStored(path: string): RangeError {
  return new RangeError(
    `the weights of "${path}" are not stored as plain numbers of a file; they cannot be merged`,
  )
}

function rangeOf(weight: Weight | undefined, path: string): FileRange {
  const range = weight?.data.kind === 'file' ? weight.data : weight?.data.from
  if (range !== undefined) return range
  throw notStored(path)
}

function storedElement(weight: Weight | undefined, path: string): 'float32' | 'float16' | 'bfloat16' {
  const element = weight?.element
  if (element === 'float32' || element === 'float16' || element === 'bfloat16') return element
  throw new RangeError(`the weight of "${path}" is ${element}; only floating-point weights can be merged`)
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
