import { z } from 'zod'
import { exclusion } from './exclusions.js'
import { ruleKinds, strategiesWith, strategyModes } from './trust-modes.js'

/** What a run file asks for, whether or not this version does it. */
const wishSchema = z
  .object({
    aggregate: z
      .object({
        strategy: z.string().catch('fedavg'),
        trust: z.string().catch('exact'),
        robust: z.object({ rule: z.string() }).nullable().catch(null),
      })
      .catch({ strategy: 'fedavg', trust: 'exact', robust: null }),
    privacy: z.object({ secureAggregation: z.unknown().optional() }).catch({}),
  })
  .catch({
    aggregate: { strategy: 'fedavg', trust: 'exact', robust: null },
    privacy: {},
  })

/**
 * Refuses what no version could do: to keep single updates from the coordinator, and to look at them. Throws LoricaError LRC-3014
 * naming both settings, and what to choose instead.
 */
export function expectPossible(raw: unknown): void {
  const { aggregate, privacy } = wishSchema.parse(raw)
  const { strategy, trust, robust } = aggregate
  const isSecure = ![undefined, null, false].includes(privacy.secureAggregation as null)
  if (trust !== 'private' && !isSecure) return
  if (trust === 'private' && privacy.secureAggregation === false)
    throw exclusion(
      ['aggregate.trust private', 'privacy.secureAggregation false'],
      'private means that only sums are seen',
      'Leave privacy.secureAggregation out, or set aggregate.trust to exact.',
    )
  if (isSecure && isExact(raw))
    throw exclusion(
      ['aggregate.trust exact', 'privacy.secureAggregation'],
      'exact means that the coordinator has each of the updates',
      'Set aggregate.trust to private, or leave privacy.secureAggregation out.',
    )
  const hidden = trust === 'private' ? 'aggregate.trust private' : 'privacy.secureAggregation'
  const because = 'then only the sum of the updates is known, and this needs each of them'
  if (trust === 'robust' || (robust !== null && robust.rule in ruleKinds)) {
    const rule = robust === null ? 'aggregate.trust robust' : `aggregate.robust ${robust.rule}`
    throw exclusion(
      [rule, hidden],
      because,
      'Choose one: leave aggregate.robust out, or let updates be seen.',
    )
  }
  if (strategyModes[strategy]?.isLinear !== false) return
  const instead = `Set aggregate.strategy to one of ${strategiesWith(({ isLinear }) => isLinear)}, or let updates be seen.`
  throw exclusion([`aggregate.strategy ${strategy}`, hidden], because, instead)
}

const isExact = (raw: unknown): boolean =>
  z.object({ aggregate: z.object({ trust: z.literal('exact') }) }).safeParse(raw).success

/** A run with what it leaves to be inferred: secure aggregation is the trust private, and the trust private has it. */
export function withSecure(raw: unknown): unknown {
  const { aggregate, privacy } = wishSchema.parse(raw)
  const { secureAggregation: wished } = privacy
  const isOff = wished === undefined || wished === null || wished === false
  if (isOff && wished === undefined && aggregate.trust !== 'private') return raw
  const { aggregate: given, privacy: bounds, ...run } = raw as Readonly<Record<string, object>>
  const { secureAggregation: _, ...others } = (bounds ?? {}) as { secureAggregation?: unknown }
  if (isOff && aggregate.trust !== 'private') return { ...(raw as object), privacy: others }
  return {
    ...run,
    aggregate: { ...given, trust: 'private' },
    privacy: { ...others, secureAggregation: isOff ? true : wished },
  }
}
