import { z } from 'zod'
import { idSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** coordinator -> agent: no more assignments of this run will come. */
export const runEndedSchema = z.strictObject({
  runId: idSchema,
  state: z.enum(['succeeded', 'failed', 'cancelled']),
})
export type RunEnded = Readonly<z.infer<typeof runEndedSchema>>

export const runEndedReplySchema = z.strictObject({})
export type RunEndedReply = Readonly<z.infer<typeof runEndedReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseRunEnded(raw: unknown): RunEnded {
  return readMessage(runEndedSchema, 'run-ended', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseRunEndedReply(raw: unknown): RunEndedReply {
  return readReply(runEndedReplySchema, 'run-ended', raw)
}
