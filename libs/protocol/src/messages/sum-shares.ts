import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import { agentIdSchema, idSchema, sealedSharesSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: shares of my secrets, sealed for each of my neighbours. */
export const sumSharesSchema = z.strictObject({
  assignmentId: idSchema,
  shares: z.array(z.strictObject({ to: agentIdSchema, sealed: sealedSharesSchema })).max(limits.sumAgents),
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type SumShares = Readonly<z.infer<typeof sumSharesSchema>>

export const sumSharesReplySchema = z.strictObject({})
export type SumSharesReply = Readonly<z.infer<typeof sumSharesReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumShares(raw: unknown): SumShares {
  return readMessage(sumSharesSchema, 'sum.shares', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumSharesReply(raw: unknown): SumSharesReply {
  return readReply(sumSharesReplySchema, 'sum.shares', raw)
}
