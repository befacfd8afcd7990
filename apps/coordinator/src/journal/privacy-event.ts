import type { Charge, NoiseShare } from '@lorica/privacy'
import type { SiteDpSpec } from '@lorica/protocol'

/** How a round protects its sites, or their examples; fixed when it is planned, before anything is seen of their data. */
export interface RoundPrivacy {
  readonly unit: 'site' | 'example'
  readonly noise: SiteDpSpec['noise']
  readonly clip: number // bound on the L2 norm of an update, or of the gradient of an example
  readonly samplingRate?: number // of examples: the chance of each to take part
  readonly noiseMultiplier: number // what the round costs, all that it releases counted
  readonly valueNoise: number // of the values, over the clip: more, where the bits of an adaptive clip are released too
  readonly bitNoise: number | null // standard deviation on the count of updates that were not clipped; null: the clip stays
  readonly cohort: number // what the sum is divided by
  readonly delta: number
  readonly share?: NoiseShare & { readonly colluding: number } // of noise that agents share out: what each adds, and how many may work together with the coordinator, whose noise counts for nothing
}

/** Sites pay for a round before anything of it is released. */
export interface PrivacyEvent {
  readonly type: 'privacy-charged'
  readonly attempt: number
  readonly sites: readonly { readonly agentId: string; readonly name: string }[] // whose data it tells of
  readonly charge: Charge // of each
  readonly delta: number
  readonly spent: number | null // epsilon over all runs, of the site that has spent most; null: nothing can be promised
}
