import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { idSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: I cannot or will not do this assignment, and why. */
export const declineSchema = z.strictObject({
  assignmentId: idSchema,
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
  code: z.string().regex(/^LRC-\d{4}$/),
  message: z.string().max(2000),
})
export type Decline = Readonly<z.infer<typeof declineSchema>>

export const declineReplySchema = z.strictObject({})
export type DeclineReply = Readonly<z.infer<typeof declineReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseDecline(raw: unknown): Decline {
  return readMessage(declineSchema, 'decline', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseDeclineReply(raw: unknown): DeclineReply {
  return readReply(declineReplySchema, 'decline', raw)
}
