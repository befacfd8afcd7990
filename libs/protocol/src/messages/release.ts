import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import { publicKeySchema, signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** A signature by a release key of a fleet's root. */
export const proofSchema = z.strictObject({ key: publicKeySchema, signature: signatureSchema })

/** coordinator -> agent: a new release. Read it with verifyRelease before anything of it is used. */
export const releaseSchema = z.strictObject({
  manifest: z.string().min(2).max(limits.manifestBytes), // canonical JSON: exactly the signed bytes
  signature: signatureSchema, // by the coordinator, over the bytes of manifest
  proof: since(2, proofSchema), // by a release key of the fleet's root
  traceparent: since(2, traceparentSchema), // of the round that made it, for those who look on; nothing that is signed
})
export type Release = Readonly<z.infer<typeof releaseSchema>>

export const releaseReplySchema = z.strictObject({})
export type ReleaseReply = Readonly<z.infer<typeof releaseReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseRelease(raw: unknown): Release {
  return readMessage(releaseSchema, 'release', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseReleaseReply(raw: unknown): ReleaseReply {
  return readReply(releaseReplySchema, 'release', raw)
}
