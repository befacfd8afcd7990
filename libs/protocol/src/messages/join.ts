import { z } from 'zod'
import { agentIdSchema, agentNameSchema, labelsSchema, publicKeySchema, signatureSchema } from './field.js'
import { readMessage } from './message.js'

/** Body of POST /api/v1/agents/join: take this key into the fleet. `signature` is over joinText. */
export const joinRequestSchema = z.strictObject({
  token: z.string().min(16).max(256),
  name: agentNameSchema,
  labels: labelsSchema,
  publicKey: publicKeySchema,
  signature: signatureSchema,
})
export type JoinRequest = Readonly<z.infer<typeof joinRequestSchema>>

/** The answer. The agent checks that the key is the one that its join link pins, and that `signature` is over agentId. */
export const joinedSchema = z.strictObject({
  agentId: agentIdSchema,
  coordinatorId: agentIdSchema,
  coordinatorPublicKey: publicKeySchema,
  signature: signatureSchema,
})
export type Joined = Readonly<z.infer<typeof joinedSchema>>

/** Checks an untrusted request. Throws LoricaError LRC-1007. */
export function parseJoinRequest(raw: unknown): JoinRequest {
  return readMessage(joinRequestSchema, 'join', raw)
}

/** Checks an untrusted answer. Throws LoricaError LRC-1012. */
export function parseJoined(raw: unknown): Joined {
  return readMessage(joinedSchema, 'answer to join', raw, 'LRC-1012')
}
