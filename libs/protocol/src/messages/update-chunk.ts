import { z } from 'zod'
import { limits } from '../limits.js'
import { bytesSchema, countSchema, idSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** agent -> coordinator: the next bytes of an update, in order and without holes. */
export const updateChunkSchema = z.strictObject({
  uploadId: idSchema,
  offset: countSchema,
  bytes: bytesSchema.refine((bytes) => bytes.byteLength > 0 && bytes.byteLength <= limits.chunkBytes, {
    message: `expected 1 to ${limits.chunkBytes} bytes`,
  }),
})
export type UpdateChunk = Readonly<z.infer<typeof updateChunkSchema>>

export const updateChunkReplySchema = z.strictObject({
  offset: countSchema, // where the next chunk starts
})
export type UpdateChunkReply = Readonly<z.infer<typeof updateChunkReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseUpdateChunk(raw: unknown): UpdateChunk {
  return readMessage(updateChunkSchema, 'update.chunk', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseUpdateChunkReply(raw: unknown): UpdateChunkReply {
  return readReply(updateChunkReplySchema, 'update.chunk', raw)
}
