import type { Roster } from './roster.js'
import type { Confirmation, SumRefusal, SumTerms, VerifyText } from './terms.js'
import { confirmationText, refusal } from './terms.js'

/** Why these confirmations do not settle whose values the sum is of; null when they do. */
export function confirmationsProblem(
  terms: SumTerms,
  roster: Roster,
  senders: readonly string[],
  survivors: readonly string[],
  confirmations: readonly Confirmation[],
  verify: VerifyText,
): SumRefusal | null {
  const signed = confirmationText(roster.digest, senders, survivors)
  const agents = new Set<string>()
  for (const { agent, signature } of confirmations) {
    if (!survivors.includes(agent) || agents.has(agent))
      return refusal('list', `confirmations expected one of each survivor, got ${agent}`)
    if (!verify(agent, signed, signature))
      return refusal('signature', `confirmation of ${agent} expected its signature of this list`)
    agents.add(agent)
  }
  return agents.size < terms.minSurvivors
    ? refusal('too-few', `confirmations expected at least ${terms.minSurvivors}, got ${agents.size}`)
    : null
}
