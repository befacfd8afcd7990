import { type Candidate, openCandidate } from './candidate.js'
import { certificate } from './certificate.js'
import { conversation } from './conversation.js'
import { hostility } from './hostility.js'
import { invitations } from './invitations.js'
import { joining } from './joining.js'
import { bounds, guessing } from './limits.js'
import type { Operator } from './operator.js'
import { patience } from './patience.js'
import { rotation } from './rotation.js'
import type { Finding, Statement } from './statement.js'

export interface Examination {
  readonly waitMs?: number // for each answer; 10 s unless given
  readonly patienceMs?: number // statements that take longer are not looked at; a minute unless given
  readonly expiredLink?: string | undefined // of the same coordinator: whether it is refused is looked at too
  readonly operator?: Operator | undefined // of it: links that only an operator can make are looked at too
  readonly onFinding?: (finding: Finding) => void
}

/**
 * Holds every statement against the coordinator of a join link, one after another but for those that take time, as agents with new
 * keys that leave again. Throws LoricaError LRC-2001 for a link that is none.
 */
export async function examine(
  joinLink: string,
  { waitMs = 10_000, patienceMs = 60_000, expiredLink, operator, onFinding }: Examination = {},
): Promise<readonly Finding[]> {
  const candidate = openCandidate(joinLink, { waitMs, expiredLink, operator })
  const slow = patience.map((one) => {
    const because = `it takes ${one.takesMs / 1000} s`
    return one.takesMs <= patienceMs ? found(one, candidate) : judged(one, { because })
  })
  const findings: Finding[] = []
  const keep = (finding: Finding): void => {
    findings.push(finding)
    onFinding?.(finding)
  }
  const all = [...joining, certificate, ...rotation, ...invitations, ...hostility, ...bounds, ...conversation]
  for (const one of all) keep(await found(one, candidate))
  for (const one of slow) keep(await one)
  keep(await found(guessing, candidate))
  return findings
}

async function found(one: Statement, candidate: Candidate): Promise<Finding> {
  return judged(one, await one.observe(candidate).catch((error: Error) => error.message))
}

function judged(
  { section, statement, expected }: Statement,
  seen: Awaited<ReturnType<Statement['observe']>>,
): Finding {
  if (typeof seen !== 'string')
    return { section, statement, state: 'not examined', expected, received: seen.because }
  return { section, statement, state: seen === expected ? 'holds' : 'fails', expected, received: seen }
}
