import type { PrivacyStatement } from '../signing/manifest.js'

/** Equal noisy steps of one run that released something about a site. */
export interface PrivacyCharge {
  readonly run: string
  readonly unit: PrivacyStatement['unit']
  readonly noiseMultiplier: number
  readonly samplingRate: number
  readonly sampling: 'poisson' | 'none'
  readonly steps: number
}

/** What was released about one site, and what all of it together promises at the delta of the answer. */
export interface SitePrivacy {
  readonly site: string // the name of the agent
  readonly epsilon: number | null // of the site as a whole; null: nothing can be promised
  readonly accountant: PrivacyStatement['accountant'] | null
  readonly order: number | null
  readonly exampleEpsilon: number | null // of one example of it
  readonly charges: readonly PrivacyCharge[]
  readonly unprotected: readonly string[] // runs that took its updates without noise: the promises are about the others
}

/** GET /api/v1/privacy: the privacy ledger. */
export interface PrivacyLedgerView {
  readonly delta: number
  readonly sites: readonly SitePrivacy[]
}
