import { type Charge, SHARED_NOISE_APART } from '@lorica/privacy'
import type { TrainAssignment } from '@lorica/protocol'

const NORM_ERROR = 2 ** -20 // what agents that share noise out add of it for norms computed in 64 bits

/**
 * What an update that leaves for an assignment spends of this site, by the noise that it has by then: this agent's own, or in a sum that of
 * the agents which a promise counts on. Undefined where agents add none: then nothing is promised here, whatever the coordinator adds; and
 * where the noise is for single examples, which paid for it: of the site as a whole it promises nothing.
 */
export function siteChargeOf({
  noise,
  secure,
  maxUpdateNorm,
  dp,
}: Pick<TrainAssignment, 'noise' | 'secure' | 'maxUpdateNorm' | 'dp'>): Charge | undefined {
  const once = { unit: 'site', samplingRate: 1, sampling: 'none', steps: 1 } as const
  if (noise !== undefined) return { ...once, noiseMultiplier: noise.multiplier }
  const shared = dp === undefined ? secure?.noise : undefined
  if (shared === undefined || maxUpdateNorm === null) return undefined
  const deviation = shared.deviation * Math.sqrt(shared.honest)
  return {
    ...once,
    noiseMultiplier: deviation / (maxUpdateNorm * (1 + NORM_ERROR)),
    apart: SHARED_NOISE_APART,
  }
}
