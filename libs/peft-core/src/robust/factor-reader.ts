import type { Adapter } from '../adapter/adapter.js'
import { type FactorPair, factorPairs } from '../adapter/factors.js'
import type { TensorMap } from '../adapter/tensor.js'

export type Values = Float32Array | Float64Array

/** What a low-rank adapter adds to one weight: scaling * B A. */
export interface ModuleFactors {
  readonly a: Values // (rank, inputs)
  readonly b: Values // (outputs, rank)
  readonly rank: number
  readonly scaling: number
}

type Awaitable<T> = T | Promise<T>

/** An adapter that is read piece by piece: the factors of a module, and the values of any other tensor. */
export interface FactorReader {
  factors(module: string): Awaitable<ModuleFactors>
  values(tensor: string): Awaitable<Values>
}

/** What the adapters of a run are made of. */
export interface AdapterParts {
  readonly modules: readonly string[] // that have factors
  readonly tensors: readonly string[] // the rest: IA3 vectors, prompts, heads, biases, magnitudes
}

/**
 * Reads an adapter in memory. An expert of stacked parameters is a module of its own, `path#3`; a bias of B counts with the
 * scaling that it takes part in. A magnitude of DoRA is a tensor like any other, and the factors beside it count as plain LoRA.
 */
export function adapterReader({ config, tensors }: Adapter): FactorReader & AdapterParts {
  const pairs = config.method === 'lora' ? factorPairs(config, tensors) : []
  return pairReader({ pairs, names: [...tensors.keys()] }, (name) => dataOf(tensors, name))
}

/** Reads the values of any tensor of an adapter, as it lies in the file. */
export type ReadValues = (name: string) => Awaitable<Values>

/** Reads an adapter whose modules are known and whose values are read when they are asked for, as `adapterReader` does. */
export function pairReader(
  { pairs, names }: { readonly pairs: readonly FactorPair[]; readonly names: readonly string[] },
  read: ReadValues,
): FactorReader & AdapterParts {
  const modules = new Map(pairs.flatMap((pair) => expertsOf(pair)))
  const scales = new Map(pairs.flatMap((pair) => (pair.keyBias ? [[pair.keyBias, pair.scaling]] : [])))
  const factorKeys = new Set(pairs.flatMap(({ keyA, keyB }) => [keyA, keyB]))
  let last:
    | { readonly path: string; readonly a: Awaitable<Values>; readonly b: Awaitable<Values> }
    | undefined
  return {
    modules: [...modules.keys()],
    tensors: names.filter((name) => !factorKeys.has(name)),
    factors(module) {
      const place = modules.get(module)
      if (place === undefined) throw new RangeError(`the adapter has no factors for "${module}"`)
      const { pair, expert } = place
      // The experts of a module follow each other, and lie in the same two tensors.
      if (last?.path !== pair.path) last = { path: pair.path, a: read(pair.keyA), b: read(pair.keyB) }
      const { a, b } = last
      return a instanceof Promise || b instanceof Promise
        ? Promise.all([a, b]).then((both) => factorsOf(pair, both, expert))
        : factorsOf(pair, [a, b], expert)
    },
    values(tensor) {
      const scale = scales.get(tensor) ?? 1
      const scaled = (data: Values): Values =>
        scale === 1 ? data : Float64Array.from(data, (value) => scale * value)
      const data = read(tensor)
      return data instanceof Promise ? data.then(scaled) : scaled(data)
    },
  }
}

interface Place {
  readonly pair: FactorPair
  readonly expert: number | null
}

function expertsOf(pair: FactorPair): readonly (readonly [string, Place])[] {
  if (pair.experts === undefined) return [[pair.path, { pair, expert: null }]]
  return Array.from({ length: pair.experts }, (_, expert) => [`${pair.path}#${expert}`, { pair, expert }])
}

function factorsOf(
  { rank, scaling, inFeatures, outFeatures, experts = 1 }: FactorPair,
  [a, b]: readonly [Values, Values],
  expert: number | null,
): ModuleFactors {
  if (expert === null) return { a, b, rank, scaling }
  // A is stacked expert by expert, B rank by rank.
  const start = expert * rank * inFeatures
  const columns = Float64Array.from(
    { length: outFeatures * rank },
    (_, at) => b[at * experts + expert] as number,
  )
  return { a: a.subarray(start, start + rank * inFeatures), b: columns, rank, scaling }
}

function dataOf(tensors: TensorMap, key: string): Float32Array {
  const tensor = tensors.get(key)
  if (tensor === undefined) throw new RangeError(`the adapter expected a tensor "${key}"`)
  return tensor.data
}
