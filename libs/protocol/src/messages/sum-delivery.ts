import { z } from 'zod'
import { limits } from '../limits.js'
import { agentIdSchema, idSchema, sealedSharesSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** coordinator -> agent: who takes part further, and the shares that were sealed for you. */
export const sumDeliverySchema = z.strictObject({
  assignmentId: idSchema,
  senders: z.array(agentIdSchema).max(limits.sumAgents), // sorted
  shares: z.array(z.strictObject({ from: agentIdSchema, sealed: sealedSharesSchema })).max(limits.sumAgents),
})
export type SumDelivery = Readonly<z.infer<typeof sumDeliverySchema>>

export const sumDeliveryReplySchema = z.strictObject({})
export type SumDeliveryReply = Readonly<z.infer<typeof sumDeliveryReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumDelivery(raw: unknown): SumDelivery {
  return readMessage(sumDeliverySchema, 'sum-delivery', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumDeliveryReply(raw: unknown): SumDeliveryReply {
  return readReply(sumDeliveryReplySchema, 'sum-delivery', raw)
}
