import { equalTexts, LoricaError, tokenSecretSha256 } from '@lorica/protocol'

/** What an invitation is good for. */
export interface Invitation {
  readonly expiresAtMs: number
  /** How many agents may join with it; null: any number. */
  readonly uses: number | null
  /** The only name that an agent may join under; null: any. */
  readonly name: string | null
  /** Whether an operator has to approve each agent that joins. */
  readonly needsApproval: boolean
}

/** A join token as the coordinator keeps it: only the hash of its secret. */
export interface TokenRecord extends Invitation {
  readonly secretSha256: string // hexadecimal
}

/**
 * Finds the token that an agent presents. Throws LoricaError LRC-2001 (malformed), LRC-2002 (unknown) or LRC-2003 (expired).
 * Every known token is compared, in constant time, so that timing says nothing about them.
 */
export function checkToken(token: string, known: readonly TokenRecord[], nowMs: number): TokenRecord {
  const secretSha256 = tokenSecretSha256(token)
  if (secretSha256 === undefined) throw new LoricaError('LRC-2001', 'join token is malformed')
  let found: TokenRecord | undefined
  for (const record of known) if (equalTexts(record.secretSha256, secretSha256)) found = record
  if (found === undefined) throw new LoricaError('LRC-2002', 'join token is not known to this coordinator')
  if (nowMs >= found.expiresAtMs) {
    throw new LoricaError('LRC-2003', 'join token has expired', {
      expected: 'a token that is still valid',
      received: `one that expired at ${new Date(found.expiresAtMs).toISOString()}`,
    })
  }
  return found
}

/** Checks that one more agent may join with a token, under this name. Throws LoricaError LRC-2012 or LRC-2014. */
export function expectSpare({ uses, name }: Invitation, used: number, agentName: string): void {
  if (name !== null && name !== agentName) {
    throw new LoricaError('LRC-2014', 'the join link is for an agent of another name', {
      expected: `--name "${name}"`,
      received: agentName,
    })
  }
  if (uses === null || used < uses) return
  throw new LoricaError(
    'LRC-2012',
    `the join link was for ${uses} ${uses === 1 ? 'agent' : 'agents'}, who joined`,
    {
      expected: `at most ${uses}`,
      received: 'one more',
    },
  )
}
