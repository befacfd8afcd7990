import { bufferWeights } from '@lorica/peft-core'
import type { RuleView, RunSpec } from '@lorica/protocol'
import type { Contribution } from '../journal/event.js'

type Weighing = Pick<RunSpec, 'aggregate'>

/** What a contribution counts: its tokens or examples up to the bound of the run, or 1. */
export function weightOf(
  { aggregate }: Weighing,
  contribution: Pick<Contribution, 'tokens' | 'examples'>,
): number {
  const { by, atMost } = aggregate.weights
  if (by === 'uniform') return 1
  return Math.min(contribution[by], atMost ?? Number.POSITIVE_INFINITY)
}

/** What contributions count, by their ids, and what the aggregated change is multiplied with: 1 but in a shortened step of late updates. */
export interface Counts {
  readonly weights: ReadonlyMap<string, number>
  readonly scale: number
}

/** What the contributions of a round count. Of a run that takes late updates, those count less by how many releases they are behind. */
export function countsOf(
  spec: Pick<RunSpec, 'aggregate' | 'rounds'>,
  members: ReadonlyMap<string, Contribution>,
): Counts {
  const { buffer } = spec.rounds
  const own = [...members].map(([id, member]) => ({ id, member, weight: weightOf(spec, member) }))
  if (buffer === undefined) return { weights: new Map(own.map(({ id, weight }) => [id, weight])), scale: 1 }
  const newest = Math.max(0, ...own.map(({ member }) => stalenessOf(member)))
  const updates = own.map(({ id, member, weight }) => ({ id, weight, version: newest - stalenessOf(member) }))
  const { counted, scale } = bufferWeights(updates, newest, { ...buffer, maxStaleness: null }) // which are too old was decided before
  return { weights: new Map(counted.map(({ id, weight }) => [id, weight])), scale }
}

const stalenessOf = ({ late }: Contribution): number => late?.staleness ?? 0

/** Contributions by an id that fixes their order: the hash, and a number where several agents sent the same update. */
export function membersOf(contributions: readonly Contribution[]): ReadonlyMap<string, Contribution> {
  const seen = new Map<string, number>()
  return new Map(
    contributions.map((contribution) => {
      const { updateSha256 } = contribution
      const count = seen.get(updateSha256) ?? 0
      seen.set(updateSha256, count + 1)
      return [count === 0 ? updateSha256 : `${updateSha256}-${count + 1}`, contribution]
    }),
  )
}

/**
 * Contributions with their shares: weight / all weights, which add up to 1, or to less in a shortened step; or what a robust rule
 * made of them, which may be less, too.
 */
export function weighted(
  spec: Pick<RunSpec, 'aggregate' | 'rounds'>,
  contributions: readonly Contribution[],
  rule: RuleView | null = null,
): readonly (Contribution & { readonly weight: number })[] {
  const members = membersOf(contributions)
  const { weights, scale } = countsOf(spec, members)
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0)
  const ruled = new Map(rule?.agents.map(({ agentId, weight }) => [agentId, weight]))
  return [...members].map(([id, contribution]) => ({
    ...contribution,
    weight: ruled.get(contribution.agentId) ?? ((weights.get(id) ?? 0) / total) * scale,
  }))
}
