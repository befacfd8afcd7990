import type { AggregationRule, DistanceMemory } from '@lorica/peft-core'
import { LoricaError, leastUpdates, type RunSpec } from '@lorica/protocol'

/**
 * The robust rule of a run, for updates by the ids that they have in the aggregate; null of a run that takes the mean. Throws
 * LoricaError LRC-7008 when the update of the trusted agent is not among them.
 */
export function ruleIn(
  { aggregate: { robust } }: Pick<RunSpec, 'aggregate'>,
  updates: ReadonlyMap<string, { readonly name: string }> = new Map(),
  before: DistanceMemory | null = null, // by the ids of updates
): AggregationRule | null {
  if (robust === undefined) return null
  switch (robust.rule) {
    case 'trusted-root': {
      const root = [...updates].find(([, { name }]) => name === robust.root)?.[0]
      if (root !== undefined) return { rule: robust.rule, root }
      const expected = `an update of ${robust.root}, whom the run trusts`
      throw new LoricaError('LRC-7008', `${robust.rule} needs ${expected}`, { expected, received: 'none' })
    }
    case 'multi-krum': {
      const { keep, halfLifeRounds, ...rest } = robust
      const kept = keep === undefined ? {} : { kept: keep }
      return halfLifeRounds === undefined
        ? { ...rest, ...kept }
        : { ...rest, ...kept, memory: { halfLifeRounds, before } }
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

/** Whether the rule of a run looks at the rounds before. */
export function isRemembering({ aggregate: { robust } }: Pick<RunSpec, 'aggregate'>): boolean {
  return robust?.rule === 'multi-krum' && robust.halfLifeRounds !== undefined
}

/** The name of the agent that a run trusts, without whose update no round can be aggregated; null of a run that needs none. */
export function trustedIn({ aggregate: { robust } }: Pick<RunSpec, 'aggregate'>): string | null {
  return robust?.rule === 'trusted-root' ? robust.root : null
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
