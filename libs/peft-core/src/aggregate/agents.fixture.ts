/**
 * Adapters of agents with random factors, and float64 formulas to hold what is made of them against.
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import { createLoraConfig, rankOf, scalingOf } from '../adapter/lora-config.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { type TensorSource, tensorSource } from '../fold/tensor-source.js'
import { createRandom } from '../train/random.js'
import { type Member, memberOf, sharesOf } from './cohort.js'
import type { Contribution } from './contribution.js'
import { factorsIn } from './module-factors.js'
import { type StrategySpec, strategyOf } from './strategies.js'
import type { Aggregate, AggregationPlan } from './strategy.js'
import { weightedMeans } from './weighted-sum.js'

/** Outputs and inputs of the two modules of each agent. */
export const sides = { 'model.q': [7, 12], 'model.v': [15, 9] } as const
export type Module = keyof typeof sides
export const modules = Object.keys(sides) as readonly Module[]

export interface AgentSpec {
  readonly rank: number
  readonly alpha: number
  readonly rslora?: boolean
  readonly rankPattern?: Readonly<Record<string, number>>
}

export function keyOf(module: string, factor: 'A' | 'B'): string {
  return `base_model.model.${module}.lora_${factor}.weight`
}

/** An adapter of random factors in (-1, 1). */
export function randomAdapter(
  { rank, alpha, rslora = false, rankPattern = {} }: AgentSpec,
  seed: number,
): Adapter {
  const config = createLoraConfig({ method: 'lora', rank, alpha, rslora, targets: ['q', 'v'], rankPattern })
  const tensors = new Map<string, Tensor>()
  for (const [module, [outputs, inputs]] of Object.entries(sides)) {
    const own = rankOf(config, module)
    tensors.set(keyOf(module, 'A'), randomTensor([own, inputs], `${seed} A ${module}`))
    tensors.set(keyOf(module, 'B'), randomTensor([outputs, own], `${seed} B ${module}`))
  }
  return { config, tensors }
}

export function randomTensor(shape: readonly [number, number], stream: string): Tensor {
  const random = createRandom(5, stream)
  return { shape, data: Float32Array.from({ length: shape[0] * shape[1] }, () => 2 * random.uniform() - 1) }
}

/** An adapter as a contribution, whole. */
export function contributed(id: string, weight: number, { config, tensors }: Adapter): Contribution {
  return { id, weight, config, start: null, tensors: tensorSource(tensors) }
}

/** Adapters with some of their tensors replaced. */
export function withTensors({ config, tensors }: Adapter, others: TensorMap): Adapter {
  return {
    config,
    tensors: new Map([...tensors].map(([name, tensor]) => [name, others.get(name) ?? tensor])),
  }
}

export async function aggregate(
  spec: StrategySpec,
  contributions: readonly Contribution[],
  plan: Partial<AggregationPlan> = {},
): Promise<Aggregate> {
  const aggregation = strategyOf(spec).open({ start: null, round: 1, measured: true, ...plan })
  for (const contribution of contributions) await aggregation.fold(contribution)
  return aggregation.close()
}

/** scaling * B A of one module, entry by entry in float64: outputs rows of inputs numbers. */
export function changeOf({ config, tensors }: Adapter, module: string): Float64Array {
  if (config.method !== 'lora') throw new Error('expected LoRA')
  const [a, b] = [tensors.get(keyOf(module, 'A'))!, tensors.get(keyOf(module, 'B'))!]
  const [rank, inputs] = a.shape as [number, number]
  const result = new Float64Array(b.shape[0]! * inputs)
  for (let at = 0; at < result.length; at++) {
    let sum = 0
    for (let k = 0; k < rank; k++)
      sum += b.data[Math.floor(at / inputs) * rank + k]! * a.data[k * inputs + (at % inputs)]!
    result[at] = scalingOf(config, module) * sum
  }
  return result
}

/** The sum of weight * change over the weights' sum. */
export function exactMean(list: readonly (readonly [Adapter, number])[], module: string): Float64Array {
  const total = list.reduce((sum, [, weight]) => sum + weight, 0)
  return list
    .map(([adapter, weight]) => changeOf(adapter, module).map((value) => (weight / total) * value))
    .reduce((sum, term) => sum.map((value, at) => value + term[at]!))
}

export function norm(values: Float64Array | Float32Array): number {
  return Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0))
}

/** |a - b| / |b| */
export function distance(a: Float64Array | Float32Array, b: Float64Array | Float32Array): number {
  return norm(Float64Array.from(a, (value, at) => value - b[at]!)) / norm(b)
}

/** The first matrix of a module of an adapter, in rows that belong to one rank each. */
export async function factorsOf({ config, tensors }: Adapter, module: string) {
  const member = memberOf({ id: 'it', weight: 1, config, start: null, tensors: tensorSource(tensors) })
  return (await factorsIn(member, module))[0]!
}

/** start + the weighted mean of changes, as strategies average tensors of any names. */
export function averaged(
  start: TensorMap,
  changes: readonly { readonly id: string; readonly weight: number; readonly tensors: TensorSource }[],
): Promise<TensorMap> {
  const { config } = randomAdapter({ rank: 1, alpha: 1 }, 0)
  const shapes = new Map([...start].map(([name, { shape }]) => [name, shape]))
  const members = changes.map((change): Member => ({ ...change, config, start, shapes, pairs: new Map() }))
  return weightedMeans(sharesOf(members), [...start.keys()])
}
