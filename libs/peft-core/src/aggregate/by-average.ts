/**
 * Aggregation by weighted means of tensors, in blocks.
 * @module
 */
import type { PeftConfig } from '../adapter/peft-config.js'
import type { Tensor, TensorMap } from '../adapter/tensor.js'
import { tensorSource } from '../fold/tensor-source.js'
import { type Member, memberOf, type Share } from './cohort.js'
import { valuesOf } from './contribution.js'
import { type Measured, type MeasuredModule, measure, sumOf } from './measure.js'
import { type MeasureBudget, measureBudget } from './measure-budget.js'
import { factorsIn } from './module-factors.js'
import { stacksOf } from './module-stack.js'
import { startMember } from './start-member.js'
import type { AggregationPlan, Combined } from './strategy.js'
import { weightedMeans } from './weighted-sum.js'

/** The means of all tensors but the kept ones and those that stay with the agents: they are those of the start, or of the first contribution. */
export async function combineAverages(
  shares: readonly Share[],
  plan: AggregationPlan,
  kept: ReadonlySet<string> = new Set(),
): Promise<Combined> {
  const reference = (shares[0] as Share).member
  const config = plan.start?.config ?? reference.config
  const names = [...reference.shapes.keys()]
  const { local = new Set<string>() } = plan
  const means = await weightedMeans(
    shares,
    names.filter((name) => !kept.has(name) && !local.has(name)),
  )
  const owner = plan.start === null ? reference : startMember(plan.start)
  const tensors = new Map<string, Tensor>()
  for (const name of names) tensors.set(name, means.get(name) ?? (await tensorIn(owner, name)))
  const budget = measureBudget(shares, plan)
  const modules = plan.measured ? await measureModules(shares, { ...plan, budget }, { config, tensors }) : []
  return {
    config,
    tensors,
    side: null,
    modules,
    notes: [...notesOf(config), ...localNotes(local), ...budget.notes],
  }
}

/** Each module that is in the budget of a release against the exact aggregate. */
export async function measureModules(
  shares: readonly Share[],
  plan: Pick<AggregationPlan, 'start' | 'onProgress'> & { readonly budget: MeasureBudget },
  { config, tensors }: { readonly config: PeftConfig; readonly tensors: TensorMap },
): Promise<readonly MeasuredModule[]> {
  const release = memberOf({
    id: 'the release',
    weight: 1,
    config,
    start: null,
    tensors: tensorSource(tensors),
  })
  const modules: MeasuredModule[] = []
  const weights = shares.map(({ share }) => share)
  for (const [path, { rank }] of release.pairs) {
    plan.onProgress?.(modules.length, release.pairs.size)
    if (!plan.budget.has(path)) continue
    const stacks = await stacksOf(shares, path)
    const released = await factorsIn(release, path)
    const starts = plan.start === null ? [] : await factorsIn(startMember(plan.start), path)
    const parts: Measured[] = []
    for (const [at, stack] of stacks.entries()) {
      const own = released[at]
      const used = own === undefined ? [] : [own]
      parts.push(await measure({ stack, shares: weights, start: starts[at] ?? null, released: used }))
    }
    const measured = sumOf(parts)
    if (measured !== null) modules.push({ module: path, rank, measured, dropped: null })
  }
  return modules
}

function localNotes({ size }: ReadonlySet<string>): readonly string[] {
  if (size === 0) return []
  const stay = size === 1 ? '1 tensor stays' : `${size} tensors stay`
  return [
    `${stay} with each agent; the release has the start’s, for newcomers, and their modules are not measured`,
  ]
}

/** What averaging leaves inexact, beside what is measured. */
export function notesOf(config: Member['config']): readonly string[] {
  if (config.method === 'bottleneck')
    return [
      'bottleneck adapters are not linear in their weights: the mean of the weights is not the mean of what they do',
    ]
  if (config.method === 'lora' && config.dora)
    return [
      'DoRA is not linear in its magnitudes and factors: errors are those of the factors’ products alone',
    ]
  return []
}

/** A tensor of one member, as it has it. */
async function tensorIn(member: Member, name: string): Promise<Tensor> {
  return { shape: member.shapes.get(name) ?? [], data: Float32Array.from(await valuesOf(member, name)) }
}
