/**
 * Aggregation one module at a time: the factors of one module of all contributions are in memory, and the result.
 * @module
 */
import type { Adapter } from '../adapter/adapter.js'
import type { FactorKind, FactorPair } from '../adapter/factors.js'
import type { LoraConfig } from '../adapter/lora-config.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { tensorOf, transposed } from '../linear-algebra/matrix.js'
import { loraConfigOf, plainNames, type Share } from './cohort.js'
import { type Measured, type MeasuredModule, measure, sumOf } from './measure.js'
import { measureBudget } from './measure-budget.js'
import { type Factors, factorsIn, joined, pairOf, scaledBias } from './module-factors.js'
import { type ModuleStack, stacksOf } from './module-stack.js'
import { type ReleasedModule, releasedConfig } from './released-config.js'
import { startMember } from './start-member.js'
import type { AggregationPlan, Combined } from './strategy.js'
import { weightedMeans } from './weighted-sum.js'

/** What is released for one matrix. */
export interface ReleasedFactors {
  readonly main: Factors
  readonly side?: Factors
  /** The energy that was left out on purpose, and of what it was left out; the energy is the sum of squared singular values. */
  readonly dropped?: { readonly energy: number; readonly of: number }
}

/** What a rule is told beside the contributions' factors. */
export interface ModuleContext {
  readonly module: string
  readonly kind: FactorKind
  readonly start: Factors | null // what all of them started from
}

export interface ModuleRule {
  readonly strategy: string
  /** The factors to release for one matrix, of those of all contributions. */
  release(stack: ModuleStack, context: ModuleContext): Promise<ReleasedFactors>
  readonly notes: readonly string[]
}

/** Applies a rule to each module; biases of B follow their scaling, and what has no factors is averaged. */
export async function combineModules(
  shares: readonly Share[],
  plan: AggregationPlan,
  rule: ModuleRule,
): Promise<Combined> {
  const reference = shares[0]?.member
  if (reference === undefined) throw new RangeError('shares expected one or more, got none')
  const config = plan.start?.config ?? reference.config
  const lora = loraConfigOf({ id: reference.id, config }, rule.strategy)
  const plain = await weightedMeans(shares, plainNames(reference))
  const [main, side] = [released(), released()]
  const modules: MeasuredModule[] = []
  const weights = shares.map(({ share }) => share)
  const budget = measureBudget(shares, plan)
  for (const path of reference.pairs.keys()) {
    plan.onProgress?.(modules.length, reference.pairs.size)
    const pair = pairOf(reference, path)
    const stacks = await stacksOf(shares, path)
    const starts = plan.start === null ? [] : await factorsIn(startMember(plan.start), path)
    const parts: ReleasedFactors[] = []
    for (const [at, stack] of stacks.entries()) {
      const context = { module: path, kind: pair.kind ?? 'linear', start: starts[at] ?? null }
      parts.push(await rule.release(stack, context))
    }
    main.add(
      pair,
      parts.map((part) => part.main),
      await meanBias(shares, path),
    )
    if (parts.some((part) => part.side !== undefined))
      side.add(
        pair,
        parts.map((part) => part.side ?? none(part.main)),
        null,
      )
    if (!budget.has(path)) continue
    const measured: Measured[] = []
    for (const [at, stack] of stacks.entries()) {
      const { main: stored, side: beside } = parts[at] as ReleasedFactors
      const used = [stored, ...(beside === undefined ? [] : [beside])].map(rounded)
      measured.push(await measure({ stack, shares: weights, start: starts[at] ?? null, released: used }))
    }
    const sum = sumOf(measured)
    const rank = Math.max(...parts.map((part) => part.main.a.rows))
    if (sum !== null) modules.push({ module: path, rank, measured: sum, dropped: droppedOf(parts) })
  }
  const tensors = new Map(
    [...reference.shapes.keys()].map((name) => [name, main.tensors.get(name) ?? plain.get(name)] as const),
  )
  return {
    config: releasedConfig(lora, main.modules),
    tensors: tensors as TensorMap,
    side: side.modules.length === 0 ? null : sideAdapter(lora, side),
    modules,
    notes: [...rule.notes, ...budget.notes],
  }
}

interface Released {
  readonly tensors: Map<string, Tensor>
  readonly modules: ReleasedModule[]
  add(pair: FactorPair, parts: readonly Factors[], scaledBias: Float64Array | null): void
}

function released(): Released {
  const tensors = new Map<string, Tensor>()
  const modules: ReleasedModule[] = []
  return {
    tensors,
    modules,
    add(pair, parts, bias) {
      const { path, parameter = path, keyA, keyB, keyBias, experts = 1 } = pair
      const { a, b } = joined(parts)
      const scaling = parts[0]?.scaling ?? 1
      tensors.set(keyA, tensorOf(a))
      tensors.set(keyB, tensorOf(transposed(b)))
      if (bias !== null && keyBias !== undefined) {
        const data = Float32Array.from(bias, (value) => value / scaling)
        tensors.set(keyBias, { shape: [bias.length], data })
      }
      modules.push({ key: parameter, rank: a.rows / experts, scaling })
    },
  }
}

/** The weighted mean of scaling * bias, which a release divides by its own scaling. */
async function meanBias(shares: readonly Share[], path: string): Promise<Float64Array | null> {
  let sum: Float64Array | null = null
  for (const { member, share } of shares) {
    const bias = await scaledBias(member, pairOf(member, path))
    if (bias === null) continue
    sum ??= new Float64Array(bias.length)
    for (const [at, value] of bias.entries()) sum[at] = (sum[at] as number) + share * value
  }
  return sum
}

function sideAdapter(config: LoraConfig, { modules, tensors }: Released): Adapter {
  const plain = { ...config, loraBias: false, modulesToSave: null }
  return { config: releasedConfig(plain, modules), tensors }
}

/** A side of nothing, for a matrix without one beside matrices with. */
function none({ a, b }: Factors): Factors {
  const row = ({ columns }: { readonly columns: number }) => ({
    rows: 1,
    columns,
    data: new Float64Array(columns),
  })
  return { scaling: 1, a: row(a), b: row(b) }
}

/** As the released tensors hold them. */
function rounded({ scaling, a, b }: Factors): Factors {
  const stored = (data: Float64Array): Float64Array => Float64Array.from(Float32Array.from(data))
  return { scaling, a: { ...a, data: stored(a.data) }, b: { ...b, data: stored(b.data) } }
}

/** The share of the energy that was left out, over all matrices of a module; null when nothing was to be left out. */
function droppedOf(parts: readonly ReleasedFactors[]): number | null {
  const all = parts.flatMap(({ dropped }) => (dropped === undefined ? [] : [dropped]))
  const total = all.reduce((sum, { of }) => sum + of, 0)
  return total > 0 ? all.reduce((sum, { energy }) => sum + energy, 0) / total : null
}
