/** What an audit says of a promise. */
export type AuditVerdict =
  | { readonly verdict: 'holds' }
  | { readonly verdict: 'refuted'; readonly reason: string }

/**
 * Whether a release may go out after an audit: not when the audited lower bound is above the epsilon that its ledger
 * promises, and not when either is no number. `null` is a release that promises nothing, which no audit can refute.
 */
export function auditVerdict(lowerBound: number, promised: number | null): AuditVerdict {
  if (!Number.isFinite(lowerBound) || lowerBound < 0)
    return {
      verdict: 'refuted',
      reason: `the audited bound expected a number of 0 or more, got ${lowerBound}`,
    }
  if (promised === null) return { verdict: 'holds' }
  if (Number.isNaN(promised) || promised < 0)
    return { verdict: 'refuted', reason: `the ledger expected an epsilon of 0 or more, got ${promised}` }
  if (lowerBound <= promised) return { verdict: 'holds' }
  return {
    verdict: 'refuted',
    reason: `an audit shows an epsilon of at least ${lowerBound}, and the ledger promises ${promised}`,
  }
}
