import { z } from 'zod'
import { limits } from '../limits.js'
import { countSchema, idSchema, positiveSchema, secondsMsSchema, sha256Schema } from './field.js'
import { readMessage, readReply } from './message.js'
import { receiptSchema } from './receipt.js'

/** agent -> coordinator: I have an update of this content for this assignment. */
export const updateOpenSchema = z.strictObject({
  assignmentId: idSchema,
  sha256: sha256Schema,
  sizeBytes: positiveSchema.max(limits.updateBytes),
  examples: countSchema, // rows trained on, repeats counted
  tokens: positiveSchema, // tokens trained on, repeats counted: the weight of the update
  trainMs: secondsMsSchema,
  lossFirst: z.number(),
  lossLast: z.number(),
})
export type UpdateOpen = Readonly<z.infer<typeof updateOpenSchema>>

export const updateOpenReplySchema = z.strictObject({
  uploadId: idSchema,
  offset: countSchema, // where to go on: above 0 when an earlier upload is resumed
  receipt: receiptSchema.optional(), // set when this update was accepted before: nothing is left to send
})
export type UpdateOpenReply = Readonly<z.infer<typeof updateOpenReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseUpdateOpen(raw: unknown): UpdateOpen {
  return readMessage(updateOpenSchema, 'update.open', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseUpdateOpenReply(raw: unknown): UpdateOpenReply {
  return readReply(updateOpenReplySchema, 'update.open', raw)
}
