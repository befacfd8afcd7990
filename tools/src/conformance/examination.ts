import { openCandidate } from './candidate.js'
import { conversation } from './conversation.js'
import { hostility } from './hostility.js'
import { expiry, joining } from './joining.js'
import type { Finding, Statement } from './statement.js'

export interface Examination {
  readonly waitMs?: number // for each answer; 10 s unless given
  readonly expiredLink?: string | undefined // of the same coordinator: whether it is refused is looked at too
  readonly onFinding?: (finding: Finding) => void
}

/**
 * Holds every statement against the coordinator of a join link, one after another, as an agent with a new key that leaves again at
 * the end. Throws LoricaError LRC-2001 for a link that is none.
 */
export async function examine(
  joinLink: string,
  { waitMs = 10_000, expiredLink, onFinding }: Examination = {},
): Promise<readonly Finding[]> {
  const candidate = openCandidate(joinLink, { waitMs, expiredLink })
  const all = [...(expiredLink === undefined ? [] : [expiry]), ...joining, ...hostility, ...conversation]
  const findings: Finding[] = []
  for (const one of all) {
    const received = await one.observe(candidate).catch((error: Error) => error.message)
    const finding = judged(one, received)
    findings.push(finding)
    onFinding?.(finding)
  }
  return findings
}

function judged({ section, statement, expected }: Statement, received: string): Finding {
  return { section, statement, passed: received === expected, expected, received }
}
