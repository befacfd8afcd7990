/** What an audit says of a promise. */
export type AuditVerdict =
  | { readonly verdict: 'holds' }
  | { readonly verdict: 'refuted'; readonly reason: string }

/** A pair of (epsilon, delta): found by an audit as a lower bound, or promised. */
export interface PrivacyPair {
  readonly epsilon: number
  readonly delta: number
}

/**
 * Whether a release may go out after an audit: not when the audited lower bound is above the epsilon that its ledger promises, and not
 * when any number is none. `null` is a release that promises nothing, which no audit can refute. RangeError for an audit at a smaller
 * delta than was promised: of that, nothing was promised.
 */
export function auditVerdict(bound: PrivacyPair, promised: PrivacyPair | null): AuditVerdict {
  for (const [what, { epsilon, delta }] of Object.entries({
    audit: bound,
    ...(promised && { ledger: promised }),
  })) {
    if (Number.isFinite(epsilon) && epsilon >= 0 && delta >= 0 && delta < 1) continue
    return {
      verdict: 'refuted',
      reason: `the ${what} expected an epsilon and a delta, got ${epsilon} and ${delta}`,
    }
  }
  if (promised === null) return { verdict: 'holds' }
  if (bound.delta < promised.delta)
    throw new RangeError(`delta expected ${promised.delta} or more, as was promised, got ${bound.delta}`)
  if (bound.epsilon <= promised.epsilon) return { verdict: 'holds' }
  return {
    verdict: 'refuted',
    reason: `an audit shows an epsilon of at least ${bound.epsilon}, and the ledger promises ${promised.epsilon}`,
  }
}
