import { z } from 'zod'
import { readMessage } from '../messages/message.js'

const count = z.number().int().min(0).max(1e9)

/** What an audit of a release counted; the bound on epsilon follows from it. */
export const auditFindingSchema = z.object({
  canaries: count,
  guesses: count,
  correct: count,
  delta: z.number().min(0).lt(1),
  significance: z.number().gt(0).lt(1), // the chance that the bound is above the truth, at most
})
export type AuditFinding = Readonly<z.infer<typeof auditFindingSchema>>

/** What an audit says of a release, as the journal keeps it. */
export interface ReleaseAudit extends AuditFinding {
  readonly release: string
  readonly epsilonLowerBound: number
  readonly promised: number | null // epsilon; null: the release promises nothing
  readonly verdict: 'holds' | 'refuted'
  readonly reason: string | null // why it is refuted
}

/** Checks an untrusted finding. Throws LoricaError LRC-1007. */
export function parseAuditFinding(raw: unknown): AuditFinding {
  return readMessage(auditFindingSchema, 'audit', raw)
}
