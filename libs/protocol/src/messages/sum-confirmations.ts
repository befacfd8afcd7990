import { z } from 'zod'
import { limits } from '../limits.js'
import { agentIdSchema, idSchema, signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** coordinator -> agent: that enough survivors were told the same list. */
export const sumConfirmationsSchema = z.strictObject({
  assignmentId: idSchema,
  confirmations: z
    .array(z.strictObject({ agent: agentIdSchema, signature: signatureSchema }))
    .max(limits.sumAgents),
})
export type SumConfirmations = Readonly<z.infer<typeof sumConfirmationsSchema>>

export const sumConfirmationsReplySchema = z.strictObject({})
export type SumConfirmationsReply = Readonly<z.infer<typeof sumConfirmationsReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumConfirmations(raw: unknown): SumConfirmations {
  return readMessage(sumConfirmationsSchema, 'sum-confirmations', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumConfirmationsReply(raw: unknown): SumConfirmationsReply {
  return readReply(sumConfirmationsReplySchema, 'sum-confirmations', raw)
}
