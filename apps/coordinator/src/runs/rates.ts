import type { Run } from './run.js'

/**
 * How fast agents trained on a base in their last round on it: tokens a second, padding included, by agentId. Runs come
 * oldest first; other bases say nothing about this one.
 */
export function measuredRates(
  runs: readonly Pick<Run, 'base' | 'spec' | 'rounds'>[],
  baseSha256: string,
): ReadonlyMap<string, number> {
  const rates = new Map<string, number>()
  for (const { base, spec, rounds } of runs) {
    if (base.sha256 !== baseSha256) continue
    for (const { agentId, examples, trainMs } of rounds.flatMap(({ contributions }) => contributions)) {
      if (trainMs > 0) rates.set(agentId, (examples * spec.data.maxTokens * 1000) / trainMs)
    }
  }
  return rates
}
