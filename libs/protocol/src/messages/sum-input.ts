import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { idSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

const MOST_BYTES = 256 // of a few elements

/** agent -> coordinator: what I measured, masked, for the secure sum of this assignment. */
export const sumInputSchema = z.strictObject({
  assignmentId: idSchema,
  masked: z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength > 0 && value.byteLength <= MOST_BYTES,
    `expected 1 to ${MOST_BYTES} bytes`,
  ), // elements of the ring, one after another
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
})
export type SumInput = Readonly<z.infer<typeof sumInputSchema>>

export const sumInputReplySchema = z.strictObject({})
export type SumInputReply = Readonly<z.infer<typeof sumInputReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseSumInput(raw: unknown): SumInput {
  return readMessage(sumInputSchema, 'sum.input', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseSumInputReply(raw: unknown): SumInputReply {
  return readReply(sumInputReplySchema, 'sum.input', raw)
}
