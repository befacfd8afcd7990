import { z } from 'zod'
import { limits } from '../limits.js'
import { traceparentSchema } from '../telemetry/span.js'
import { signatureSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { proofSchema, releaseSchema } from './release.js'
import { since } from './since.js'

/** coordinator -> agent: the release that you are to have from now on. Read it with verifyTarget before anything of it is used. */
export const targetMessageSchema = z.strictObject({
  target: z.string().min(2).max(limits.targetBytes), // canonical JSON: exactly the signed bytes
  signature: signatureSchema, // by the coordinator, over the bytes of target
  proof: since(2, proofSchema), // by a release key of the fleet's root
  release: releaseSchema, // the one that the target names
  traceparent: since(2, traceparentSchema), // of the rollout that it is part of, for those who look on; nothing that is signed
})
export type TargetMessage = Readonly<z.infer<typeof targetMessageSchema>>

export const targetReplySchema = z.strictObject({})

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseTarget(raw: unknown): TargetMessage {
  return readMessage(targetMessageSchema, 'target', raw)
}

/** Checks an untrusted reply: the agent heard it. Throws its refusal, or LoricaError LRC-1012. */
export function parseTargetReply(raw: unknown): Record<never, never> {
  return readReply(targetReplySchema, 'target', raw)
}
