import type { Adapter } from '../adapter/adapter.js'
import type { PeftConfig } from '../adapter/peft-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { expectSameModules, type Member, memberOf, type Shapes, type Share, sharesOf } from './cohort.js'
import type { Contribution } from './contribution.js'
import type { MeasuredModule } from './measure.js'
import { type AggregationReport, reportOf } from './report.js'
import { type AggregationRule, expectRobust, noteOf, type RuleReport, ruled } from './robust-aggregate.js'
import { startMember } from './start-member.js'

/** What is aggregated, beside the contributions. */
export interface AggregationPlan {
  /** The adapter that the agents started from; null when they started apart. */
  readonly start: Adapter | null
  readonly round: number // from 1
  /** Whether to measure errors and agreement, which reads all factors once more. */
  readonly measured: boolean
  /** How many multiplications the measuring may take; some modules are left out beyond it. Any number when absent. */
  readonly mostMultiplications?: number
  /** Tensors that stay with the agents: the release has those of the start. None when absent; it needs a start. */
  readonly local?: ReadonlySet<string>
  /** What the contributions count is up to this rule, not to their weights; none when absent. It needs a start. */
  readonly rule?: AggregationRule | null
  onProgress?(done: number, total: number): void
}

/**
 * What becomes of a tensor in a round: shared (trained, sent and aggregated), frozen (as the start has it), or local (trained,
 * and stays with the agent).
 */
export type TensorRole = 'shared' | 'frozen' | 'local'

/** What a round gives: an adapter, what some methods need beside it, and what was measured. */
export interface Aggregate {
  readonly candidate: Adapter
  /** A second adapter, whose change is added to that of the first. */
  readonly side: Adapter | null
  readonly report: AggregationReport
}

/** A way to make one adapter of many. */
export interface Strategy {
  readonly name: string
  /** What agents do with each tensor in a round. RangeError when the strategy is not for such adapters. */
  roles(
    adapter: { readonly config: PeftConfig; readonly shapes: Shapes },
    round: number,
  ): ReadonlyMap<string, TensorRole>
  open(plan: AggregationPlan): Aggregation
}

/** One aggregate in the making. Contributions may come in any order: they are summed in the order of their ids. */
export interface Aggregation {
  /** Takes a contribution in. RangeError says why it cannot be a part; the others are not affected. */
  fold(contribution: Contribution): Promise<void>
  /** Reads the contributions and computes the aggregate; the same bytes whatever the order of arrival. */
  close(): Promise<Aggregate>
}

/** What a strategy makes of the contributions. */
export interface Combined {
  readonly config: PeftConfig
  readonly tensors: TensorMap
  readonly side: Adapter | null
  readonly modules: readonly MeasuredModule[]
  readonly notes: readonly string[]
}

/** The parts in which strategies differ. */
export interface StrategyParts {
  readonly name: string
  readonly exact: boolean
  /** Whether tensors may stay with the agents: the others are averaged one by one. */
  readonly keepsLocal?: true
  roles: Strategy['roles']
  /** RangeError when a contribution does not fit `first`: what all started from, or else the one that came first. */
  check(member: Member, context: { readonly plan: AggregationPlan; readonly first: Member }): Promise<void>
  combine(shares: readonly Share[], plan: AggregationPlan): Promise<Combined>
}

/** A strategy of its parts: identities, weights and modules are checked here, for all alike. */
export function createStrategy(parts: StrategyParts): Strategy {
  return { name: parts.name, roles: parts.roles, open: (plan) => openAggregation(parts, plan) }
}

function openAggregation(parts: StrategyParts, plan: AggregationPlan): Aggregation {
  const members = new Map<string, Member>()
  if (plan.rule) expectRobust(parts.name, plan.rule)
  if ((plan.local?.size ?? 0) > 0 && (parts.keepsLocal !== true || plan.start === null))
    throw new RangeError(
      `${parts.name} expected whole adapters${plan.start === null ? ' without a start' : ''}, got tensors that stay with the agents`,
    )
  return {
    async fold(contribution) {
      const member = memberOf(contribution)
      if (members.has(member.id))
        throw new RangeError(`${member.id} expected to be folded once, got it twice`)
      const [earliest = member] = members.values()
      const first = plan.start === null ? earliest : startMember(plan.start)
      expectSameModules(member, first)
      await parts.check(member, { plan, first })
      members.set(member.id, member)
    },
    async close() {
      const { combined, shares, rule } = await combine(parts, sharesOf([...members.values()]), plan)
      const { config, tensors, side, modules, notes } = combined
      const { name: strategy } = parts
      const exact = parts.exact && notes.length === 0
      const named = shares.map(({ member, share }) => ({ id: member.id, share }))
      const report = reportOf({ strategy, exact, notes, shares: named, rule }, modules)
      return { candidate: { config, tensors }, side, report }
    },
  }
}

async function combine(
  parts: StrategyParts,
  shares: readonly Share[],
  plan: AggregationPlan,
): Promise<{
  readonly combined: Combined
  readonly shares: readonly Share[]
  readonly rule: RuleReport | null
}> {
  const { start, rule } = plan
  if (!rule) return { combined: await parts.combine(shares, plan), shares, rule: null }
  const decided = await ruled(
    shares.map(({ member }) => member),
    { start, rule },
  )
  const combined =
    decided.tensors === null || start === null
      ? await parts.combine(decided.shares, plan)
      : { config: start.config, tensors: decided.tensors, side: null, modules: [], notes: [] }
  const notes = [...combined.notes, noteOf(decided.report)]
  return { combined: { ...combined, notes }, shares: decided.shares, rule: decided.report }
}

/** Every tensor is trained and aggregated. */
export function allShared({ shapes }: { readonly shapes: Shapes }): ReadonlyMap<string, TensorRole> {
  return new Map([...shapes.keys()].map((name) => [name, 'shared']))
}
