import { z } from 'zod'
import { countSchema, idSchema, positiveSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: how far an assignment is; at most a few a second. Renews the lease of the assignment. */
export const progressSchema = z.strictObject({
  assignmentId: idSchema,
  phase: z.enum(['download', 'train', 'upload', 'evaluate']),
  step: countSchema,
  steps: countSchema,
  loss: z.number().nullable(),
  tokensPerSecond: z.number().min(0).nullable(),
  waiting: since(2, z.string().max(200)), // why it stands still for now: the machine is needed by its owner
})
export type Progress = Readonly<z.infer<typeof progressSchema>>

export const progressReplySchema = z.strictObject({
  reconnectMs: since(2, positiveSchema.max(600_000)), // as in the answer to hello; follows the size of the fleet
})
export type ProgressReply = Readonly<z.infer<typeof progressReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseProgress(raw: unknown): Progress {
  return readMessage(progressSchema, 'progress', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseProgressReply(raw: unknown): ProgressReply {
  return readReply(progressReplySchema, 'progress', raw)
}
