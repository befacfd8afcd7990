import { auditVerdict, epsilonLowerBound } from '@lorica/privacy'
import { type AuditFinding, LoricaError, type ReleaseAudit, type ReleaseManifest } from '@lorica/protocol'
import type { JournalEvent } from '../journal/event.js'

/** The audits of each release, oldest first. */
export type Audits = ReadonlyMap<string, readonly ReleaseAudit[]>

/** The audits after an event. */
export function auditsAfter(audits: Audits, event: JournalEvent): Audits {
  if (event.type !== 'release-audited') return audits
  const { type: _, ...audit } = event
  return new Map([...audits, [audit.release, [...(audits.get(audit.release) ?? []), audit]]])
}

/**
 * What a finding says of a release: the bound is worked out from the counts, not taken from who counted. Throws LoricaError LRC-3001
 * for counts that cannot be, and for an audit at a smaller delta than the release promises.
 */
export function auditOf(
  { name, privacy }: Pick<ReleaseManifest, 'name' | 'privacy'>,
  finding: AuditFinding,
): ReleaseAudit {
  const { delta, significance } = finding
  const promised = privacy === undefined ? null : { epsilon: privacy.epsilon, delta: privacy.delta }
  try {
    const epsilon = epsilonLowerBound(finding, delta, significance)
    const found = auditVerdict({ epsilon, delta }, promised)
    const reason = found.verdict === 'refuted' ? found.reason : null
    return {
      ...{ ...finding, release: name, epsilonLowerBound: epsilon },
      ...{ promised: promised?.epsilon ?? null, verdict: found.verdict, reason },
    }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new LoricaError('LRC-3001', `audit: ${cause.message}`, { cause })
  }
}

/** Throws LoricaError LRC-3017 for a release that an audit refuted: a later audit that finds less changes nothing. */
export function expectUnrefuted(audits: Audits, release: string): void {
  const refuted = audits.get(release)?.find(({ verdict }) => verdict === 'refuted')
  if (refuted === undefined) return
  throw new LoricaError('LRC-3017', `release ${release}: ${refuted.reason}`, {
    expected: `an epsilon of at most ${refuted.promised}`,
    received: `at least ${refuted.epsilonLowerBound}`,
  })
}
