import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import { agentIdSchema, idSchema, shareSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: one share of each neighbour, of the seed of a survivor or of the mask key of a dropout. */
export const sumRevealSchema = z.strictObject({
  assignmentId: idSchema,
  shares: z
    .array(
      z.strictObject({
        of: agentIdSchema,
        secret: z.enum(['self-seed', 'mask-key']),
        share: shareSchema,
      }),
    )
    .max(limits.sumAgents),
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type SumReveal = Readonly<z.infer<typeof sumRevealSchema>>

export const sumRevealReplySchema = z.strictObject({})
export type SumRevealReply = Readonly<z.infer<typeof sumRevealReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumReveal(raw: unknown): SumReveal {
  return readMessage(sumRevealSchema, 'sum.reveal', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumRevealReply(raw: unknown): SumRevealReply {
  return readReply(sumRevealReplySchema, 'sum.reveal', raw)
}
