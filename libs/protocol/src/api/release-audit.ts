import { z } from 'zod'
import { readMessage } from '../messages/message.js'
import type { Shown } from './shown.js'

const count = z.number().int().min(0).max(1e9)

/** What an audit of a release counted; the bound on epsilon follows from it. */
export const auditFindingSchema = z.object({
  canaries: count,
  guesses: count,
  correct: count,
  delta: z.number().min(0).lt(1),
  significance: z.number().gt(0).lt(1).describe('the chance that the bound is above the truth, at most'),
})
export type AuditFinding = Readonly<z.infer<typeof auditFindingSchema>>

/** What an audit says of a release, as the journal keeps it. */
export const releaseAuditSchema = auditFindingSchema
  .extend({
    release: z.string(),
    epsilonLowerBound: z.number(),
    promised: z.number().nullable().describe('epsilon; null: the release promises nothing'),
    verdict: z.enum(['holds', 'refuted']),
    reason: z.string().nullable().describe('why it is refuted'),
  })
  .meta({ id: 'ReleaseAudit' })
export type ReleaseAudit = Shown<typeof releaseAuditSchema>

/** Checks an untrusted finding. Throws LoricaError LRC-1007. */
export function parseAuditFinding(raw: unknown): AuditFinding {
  return readMessage(auditFindingSchema, 'audit', raw)
}
