import { z } from 'zod'
import { limits } from '../limits.js'
import { agentIdSchema, countSchema, positiveSchema } from './field.js'
import { readMessage, readReply } from './message.js'

/** agent -> coordinator: who I am and what I can do. The first message of every connection. */
export const helloSchema = z.strictObject({
  protocol: positiveSchema,
  software: z.string().max(64),
  device: z.strictObject({
    kind: z.enum(['cpu', 'webgpu', 'cuda', 'directml', 'coreml']),
    name: z.string().max(128).optional(),
    threads: positiveSchema.max(4096),
    memoryBytes: countSchema,
    gpu: z.strictObject({ name: z.string().max(128), memoryBytes: countSchema }).optional(), // the largest there is
  }),
  dataset: z.strictObject({ documents: countSchema, tokens: countSchema.optional() }),
})
export type Hello = Readonly<z.infer<typeof helloSchema>>

export const helloReplySchema = z.strictObject({
  protocol: positiveSchema,
  coordinatorId: agentIdSchema,
  limits: z.strictObject({
    chunkBytes: positiveSchema.max(limits.chunkBytes),
    windowChunks: positiveSchema.max(1024),
  }),
})
export type HelloReply = Readonly<z.infer<typeof helloReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseHello(raw: unknown): Hello {
  return readMessage(helloSchema, 'hello', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseHelloReply(raw: unknown): HelloReply {
  return readReply(helloReplySchema, 'hello', raw)
}
