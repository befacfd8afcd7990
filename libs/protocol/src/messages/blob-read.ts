import { z } from 'zod'
import { limits } from '../limits.js'
import { bytesSchema, countSchema, positiveSchema, sha256Schema } from './field.js'
import { readMessage, readReply } from './message.js'

/** agent -> coordinator: hand me a range of a file that an assignment or a release names by its hash. */
export const blobReadSchema = z.strictObject({
  sha256: sha256Schema,
  offset: countSchema,
  length: positiveSchema.max(limits.chunkBytes),
})
export type BlobRead = Readonly<z.infer<typeof blobReadSchema>>

export const blobReadReplySchema = z.strictObject({
  bytes: bytesSchema, // shorter than asked for only at the end of the blob
  sizeBytes: countSchema, // of the whole blob
})
export type BlobReadReply = Readonly<z.infer<typeof blobReadReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseBlobRead(raw: unknown): BlobRead {
  return readMessage(blobReadSchema, 'blob.read', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseBlobReadReply(raw: unknown): BlobReadReply {
  return readReply(blobReadReplySchema, 'blob.read', raw)
}
