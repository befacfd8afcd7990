import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { idSchema, signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: I was told this list of survivors and no other. */
export const sumConfirmSchema = z.strictObject({
  assignmentId: idSchema,
  signature: signatureSchema, // with the identity of the agent, over the roster, the senders and the survivors
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type SumConfirm = Readonly<z.infer<typeof sumConfirmSchema>>

export const sumConfirmReplySchema = z.strictObject({})
export type SumConfirmReply = Readonly<z.infer<typeof sumConfirmReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumConfirm(raw: unknown): SumConfirm {
  return readMessage(sumConfirmSchema, 'sum.confirm', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumConfirmReply(raw: unknown): SumConfirmReply {
  return readReply(sumConfirmReplySchema, 'sum.confirm', raw)
}
