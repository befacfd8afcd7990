import { LoricaError, limits } from '@lorica/protocol'

/** Nonces that wait to be signed. Each is valid once, for one key, for some seconds; the table is bounded. */
export interface Challenges {
  issue(publicKey: string, nonce: string, nowMs: number): void
  /** Takes a nonce back. Throws LoricaError LRC-2005 when it is unknown, used, expired, or of another key. */
  redeem(publicKey: string, nonce: string, nowMs: number): void
}

/** An empty table. When it is full the oldest nonce gives way. */
export function createChallenges(): Challenges {
  const pending = new Map<string, { readonly publicKey: string; readonly expiresAtMs: number }>()
  return {
    issue(publicKey, nonce, nowMs) {
      const [oldest] = pending.keys()
      if (pending.size >= limits.challengesPending && oldest !== undefined) pending.delete(oldest)
      pending.set(nonce, { publicKey, expiresAtMs: nowMs + limits.challengeMs })
    },
    redeem(publicKey, nonce, nowMs) {
      const challenge = pending.get(nonce)
      if (challenge !== undefined && challenge.publicKey === publicKey) pending.delete(nonce)
      if (challenge === undefined || challenge.publicKey !== publicKey || nowMs >= challenge.expiresAtMs) {
        throw new LoricaError('LRC-2005', 'challenge is unknown or used up')
      }
    },
  }
}
