import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { curveKeySchema, digestSchema, idSchema, signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: my update is ready, and these are my keys for the secure sum of this assignment. */
export const sumKeysSchema = z.strictObject({
  assignmentId: idSchema,
  channelKey: curveKeySchema, // seals shares on their way between two agents
  maskKey: curveKeySchema, // its secret is shared out
  seedCommitment: digestSchema, // of the self seed, which is shared out
  signature: signatureSchema, // with the identity of the agent, over the terms and these keys
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type SumKeys = Readonly<z.infer<typeof sumKeysSchema>>

export const sumKeysReplySchema = z.strictObject({})
export type SumKeysReply = Readonly<z.infer<typeof sumKeysReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumKeys(raw: unknown): SumKeys {
  return readMessage(sumKeysSchema, 'sum.keys', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumKeysReply(raw: unknown): SumKeysReply {
  return readReply(sumKeysReplySchema, 'sum.keys', raw)
}
