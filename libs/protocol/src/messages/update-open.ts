import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import {
  countSchema,
  energySchema,
  idSchema,
  positiveSchema,
  secondsMsSchema,
  sha256Schema,
} from './field.js'
import { readMessage, readReply } from './message.js'
import { receiptSchema } from './receipt.js'
import { since } from './since.js'

/** agent -> coordinator: I have an update of this content for this assignment. */
export const updateOpenSchema = z.strictObject({
  assignmentId: idSchema,
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
  sha256: sha256Schema,
  sizeBytes: positiveSchema.max(limits.updateBytes),
  examples: countSchema, // rows trained on, repeats counted; with dp how many are expected
  tokens: positiveSchema, // tokens trained on, repeats counted: the weight of the update; with dp as many as fit into the expected rows
  trainMs: secondsMsSchema,
  lossFirst: z.number().nullable(), // null: it is private
  lossLast: z.number().nullable(),
  samplingRate: since(2, z.number().gt(0).max(1)), // with dp: the chance of an example to take part in a step
  energy: since(2, energySchema), // of the machine while it trained
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
