import { z } from 'zod'
import { countSchema, positiveSchema, sha256Schema } from './field.js'
import { readMessage, readReply } from './message.js'

const answeredSchema = z
  .strictObject({
    requests: countSchema, // that were answered, or failed by the fault of this side
    failures: countSchema, // of those
    seconds: z.number().min(0), // sum of what the answered ones took, a token each where tokens were made
    secondsSquared: z.number().min(0), // sum of the squares
  })
  .refine(({ requests, failures }) => failures <= requests, 'expected no more failures than requests')

/** agent -> coordinator: how requests went here under the release that is served, all since it is, and under the one before it. */
export const servingHealthSchema = z.strictObject({
  serial: positiveSchema, // of the target
  releaseId: sha256Schema,
  now: answeredSchema,
  before: answeredSchema.nullable(), // null: this program served nothing before it
})
export type ServingHealth = Readonly<z.infer<typeof servingHealthSchema>>
export type Answered = ServingHealth['now']

export const servingHealthReplySchema = z.strictObject({})

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseServingHealth(raw: unknown): ServingHealth {
  return readMessage(servingHealthSchema, 'serving.health', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseServingHealthReply(raw: unknown): Record<never, never> {
  return readReply(servingHealthReplySchema, 'serving.health', raw)
}
