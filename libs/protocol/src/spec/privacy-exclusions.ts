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
    privacy: z.object({ secureAggregation: z.unknown() }).catch({ secureAggregation: false }),
  })
  .catch({
    aggregate: { strategy: 'fedavg', trust: 'exact', robust: null },
    privacy: { secureAggregation: false },
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
