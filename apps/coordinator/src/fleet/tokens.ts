import { equalTexts, LoricaError, tokenSecretSha256 } from '@lorica/protocol'

/** A join token as the coordinator keeps it: only the hash of its secret. */
export interface TokenRecord {
  readonly secretSha256: string // hexadecimal
  readonly expiresAtMs: number
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
