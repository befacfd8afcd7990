import { z } from 'zod'
import { idSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { receiptSchema } from './receipt.js'

/** agent -> coordinator: all bytes are sent. Answered with a receipt once the update is checked and safe on disk. */
export const updateCloseSchema = z.strictObject({
  uploadId: idSchema,
})
export type UpdateClose = Readonly<z.infer<typeof updateCloseSchema>>

export const updateCloseReplySchema = z.strictObject({
  receipt: receiptSchema,
})
export type UpdateCloseReply = Readonly<z.infer<typeof updateCloseReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseUpdateClose(raw: unknown): UpdateClose {
  return readMessage(updateCloseSchema, 'update.close', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseUpdateCloseReply(raw: unknown): UpdateCloseReply {
  return readReply(updateCloseReplySchema, 'update.close', raw)
}
