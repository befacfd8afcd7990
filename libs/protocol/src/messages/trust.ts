import { z } from 'zod'
import { signedRootSchema } from '../trust/signed-root.js'
import { signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/**
 * coordinator -> agent: the roots that it may not have, oldest first; where there are more of them, other letters follow.
 * `introduction` is over introductionText of the first of them, by the key that join links pin: it counts only for an agent that has none.
 */
export const trustSchema = z.strictObject({
  roots: z.array(signedRootSchema).min(1).max(8),
  introduction: signatureSchema,
})
export type TrustLetter = Readonly<z.infer<typeof trustSchema>>

export const trustReplySchema = z.strictObject({})

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseTrust(raw: unknown): TrustLetter {
  return readMessage(trustSchema, 'trust', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseTrustReply(raw: unknown): Readonly<z.infer<typeof trustReplySchema>> {
  return readReply(trustReplySchema, 'trust', raw)
}
