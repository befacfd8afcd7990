import { z } from 'zod'
import { privacyStatementSchema } from '../signing/manifest.js'
import type { Shown } from './shown.js'

const { unit, accountant } = privacyStatementSchema.shape

const privacyChargeSchema = z
  .object({
    run: z.string(),
    unit,
    noiseMultiplier: z.number(),
    samplingRate: z.number(),
    sampling: z.enum(['poisson', 'none']),
    steps: z.int(),
    apart: z
      .exactOptional(z.number())
      .describe('total variation between a step and one with Gaussian noise, at most; absent: none'),
  })
  .meta({ id: 'PrivacyCharge' })
/** Equal noisy steps of one run that released something about a site. */
export type PrivacyCharge = Shown<typeof privacyChargeSchema>

const sitePrivacySchema = z
  .object({
    site: z.string().describe('the name of the agent'),
    epsilon: z.number().nullable().describe('of the site as a whole; null: nothing can be promised'),
    accountant: accountant.nullable(),
    order: z.number().nullable(),
    exampleEpsilon: z.number().nullable().describe('of one example of it'),
    charges: z.array(privacyChargeSchema),
    unprotected: z
      .array(z.string())
      .describe('runs that took its updates without noise: the promises are about the others'),
  })
  .meta({ id: 'SitePrivacy' })
/** What was released about one site, and what all of it together promises at the delta of the answer. */
export type SitePrivacy = Shown<typeof sitePrivacySchema>

/** GET /api/v1/privacy: the privacy ledger. */
export const privacyLedgerViewSchema = z
  .object({ delta: z.number(), sites: z.array(sitePrivacySchema) })
  .meta({ id: 'PrivacyLedgerView' })
export type PrivacyLedgerView = Shown<typeof privacyLedgerViewSchema>
