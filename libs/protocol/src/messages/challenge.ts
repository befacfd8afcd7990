import { z } from 'zod'
import { positiveSchema, publicKeySchema } from './field.js'
import { readMessage } from './message.js'

/** Body of POST /api/v1/agents/challenge: a nonce to sign for the next connection. */
export const challengeRequestSchema = z.strictObject({ publicKey: publicKeySchema })
export type ChallengeRequest = Readonly<z.infer<typeof challengeRequestSchema>>

export const challengeSchema = z.strictObject({
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
  expiresInMs: positiveSchema,
})
export type Challenge = Readonly<z.infer<typeof challengeSchema>>

/** Checks an untrusted request. Throws LoricaError LRC-1007. */
export function parseChallengeRequest(raw: unknown): ChallengeRequest {
  return readMessage(challengeRequestSchema, 'challenge', raw)
}

/** Checks an untrusted answer. Throws LoricaError LRC-1012. */
export function parseChallenge(raw: unknown): Challenge {
  return readMessage(challengeSchema, 'answer to challenge', raw, 'LRC-1012')
}
