import type { RuleView, RunSpec } from '@lorica/protocol'
import type { Contribution } from '../journal-event.js'

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

/**
 * Contributions with their shares: weight / all weights, which add up to 1; or what a robust rule made of them, which may be less.
 */
export function weighted(
  spec: Weighing,
  contributions: readonly Contribution[],
  rule: RuleView | null = null,
): readonly (Contribution & { readonly weight: number })[] {
  const total = contributions.reduce((sum, contribution) => sum + weightOf(spec, contribution), 0)
  const ruled = new Map(rule?.agents.map(({ agentId, weight }) => [agentId, weight]))
  return contributions.map((contribution) => ({
    ...contribution,
    weight: ruled.get(contribution.agentId) ?? weightOf(spec, contribution) / total,
  }))
}
