import { z } from 'zod'
import { agentIdSchema, nonceSchema, publicKeySchema, signatureSchema } from './field.js'
import { readMessage } from './message.js'

/**
 * Body of POST /api/v1/agents/rotate: from now on this agent has another key. Both signatures are over rotateText, by the key that it
 * has and by the one that it will have; `nonce` is from a challenge for the former.
 */
export const rotationSchema = z.strictObject({
  publicKey: publicKeySchema,
  nextPublicKey: publicKeySchema,
  nonce: nonceSchema,
  signature: signatureSchema,
  nextSignature: signatureSchema,
})
export type Rotation = Readonly<z.infer<typeof rotationSchema>>

/** The answer: the agent stays the same one. The key that it had is valid until the next one has connected. */
export const rotatedSchema = z.strictObject({
  agentId: agentIdSchema,
  isApproved: z.boolean(), // false: an operator has yet to approve the key
})
export type Rotated = Readonly<z.infer<typeof rotatedSchema>>

/** Checks an untrusted request. Throws LoricaError LRC-1007. */
export function parseRotation(raw: unknown): Rotation {
  return readMessage(rotationSchema, 'rotate', raw)
}

/** Checks an untrusted answer. Throws LoricaError LRC-1012. */
export function parseRotated(raw: unknown): Rotated {
  return readMessage(rotatedSchema, 'answer to rotate', raw, 'LRC-1012')
}
