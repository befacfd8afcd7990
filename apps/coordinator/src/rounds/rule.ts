import type { AggregationRule } from '@lorica/peft-core'
import { LoricaError, leastUpdates, type RunSpec } from '@lorica/protocol'

/** The robust rule of a run; null of a run that takes the mean. */
export function ruleIn({ aggregate: { robust } }: Pick<RunSpec, 'aggregate'>): AggregationRule | null {
  if (robust === undefined) return null
  switch (robust.rule) {
    case 'multi-krum': {
      const { keep, ...rest } = robust
      return keep === undefined ? rest : { ...rest, kept: keep }
    }
    case 'trimmed-mean':
      return { rule: robust.rule, liars: robust.liars, share: robust.trim }
    case 'centred-clipping':
      return { rule: robust.rule, radius: robust.maxNorm }
    case 'geometric-median':
      return robust.liars === undefined ? { rule: robust.rule } : { rule: robust.rule, liars: robust.liars }
    default:
      return robust
  }
}

/** Throws LoricaError LRC-7008 when a round has fewer updates than the rule of its run needs. */
export function expectEnough({ aggregate: { robust } }: Pick<RunSpec, 'aggregate'>, updates: number): void {
  if (robust === undefined) return
  const least = leastUpdates(robust)
  if (updates >= least) return
  const liars = 'liars' in robust ? ` against ${robust.liars} liars` : ''
  throw new LoricaError(
    'LRC-7008',
    `${robust.rule}${liars} needs ${least} updates, the round has ${updates}`,
    {
      expected: `${least} updates or more`,
      received: String(updates),
    },
  )
}
