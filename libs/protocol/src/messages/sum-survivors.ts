import { z } from 'zod'
import { limits } from '../limits.js'
import { agentIdSchema, idSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** coordinator -> agent: whose masked updates are here, so that the sum is of them. */
export const sumSurvivorsSchema = z.strictObject({
  assignmentId: idSchema,
  survivors: z.array(agentIdSchema).max(limits.sumAgents), // sorted
})
export type SumSurvivors = Readonly<z.infer<typeof sumSurvivorsSchema>>

export const sumSurvivorsReplySchema = z.strictObject({})
export type SumSurvivorsReply = Readonly<z.infer<typeof sumSurvivorsReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumSurvivors(raw: unknown): SumSurvivors {
  return readMessage(sumSurvivorsSchema, 'sum-survivors', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumSurvivorsReply(raw: unknown): SumSurvivorsReply {
  return readReply(sumSurvivorsReplySchema, 'sum-survivors', raw)
}
