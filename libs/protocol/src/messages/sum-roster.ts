import { z } from 'zod'
import { limits } from '../limits.js'
import {
  agentIdSchema,
  curveKeySchema,
  digestSchema,
  idSchema,
  publicKeySchema,
  rotationsSchema,
  signatureSchema,
} from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** coordinator -> agent: these agents sum their updates, with these keys. */
export const sumRosterSchema = z.strictObject({
  assignmentId: idSchema,
  agents: z
    .array(
      z.strictObject({
        agent: agentIdSchema,
        publicKey: publicKeySchema, // its identity, by which the signature is checked
        channelKey: curveKeySchema,
        maskKey: curveKeySchema,
        seedCommitment: digestSchema,
        signature: signatureSchema,
        rotations: since(2, rotationsSchema), // of its identity, from the key that its id was made of; absent: it still has that one
      }),
    )
    .min(2)
    .max(limits.sumAgents),
})
export type SumRoster = Readonly<z.infer<typeof sumRosterSchema>>

export const sumRosterReplySchema = z.strictObject({})
export type SumRosterReply = Readonly<z.infer<typeof sumRosterReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumRoster(raw: unknown): SumRoster {
  return readMessage(sumRosterSchema, 'sum-roster', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumRosterReply(raw: unknown): SumRosterReply {
  return readReply(sumRosterReplySchema, 'sum-roster', raw)
}
