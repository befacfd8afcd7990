import { z } from 'zod'
import { agentIdSchema, publicKeySchema, sha256Schema, signatureSchema } from './field.js'
import { readMessage } from './message.js'

/**
 * Answer to GET /api/v1/coordinator: which TLS certificate belongs to this coordinator. `signature` is over bindingText with the
 * nonce that the request had in its header.
 */
export const bindingSchema = z.strictObject({
  coordinatorId: agentIdSchema,
  coordinatorPublicKey: publicKeySchema,
  certificateSha256: sha256Schema.nullable(), // of the DER bytes; null: it speaks no TLS of its own
  signature: signatureSchema,
})
export type Binding = Readonly<z.infer<typeof bindingSchema>>

/** Checks an untrusted answer. Throws LoricaError LRC-1012. */
export function parseBinding(raw: unknown): Binding {
  return readMessage(bindingSchema, 'answer of the coordinator', raw, 'LRC-1012')
}
