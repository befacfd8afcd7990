import { z } from 'zod'
import { LoricaError } from '../errors/lorica-error.js'
import { limits } from '../limits.js'
import { PROTOCOL_VERSION, type ProtocolVersion, spokenVersions } from '../version.js'
import { agentIdSchema, countSchema, positiveSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** What a person types in the folder of Lorica to update it. */
const UPDATE_COMMAND = 'git pull && npm run build'

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
  rootVersion: since(2, countSchema), // of the root that it trusts; 0: it has none
})
export type Hello = Readonly<z.infer<typeof helloSchema>>

export const helloReplySchema = z.strictObject({
  protocol: positiveSchema,
  coordinatorId: agentIdSchema,
  limits: z.strictObject({
    chunkBytes: positiveSchema.max(limits.chunkBytes),
    windowChunks: positiveSchema.max(1024),
  }),
  nowMs: since(2, countSchema), // the coordinator's clock, in ms since 1970: an agent that is far off tells its owner
  reconnectMs: since(2, positiveSchema.max(600_000)), // after a loss, wait about this long at random before connecting
})
export type HelloReply = Readonly<z.infer<typeof helloReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1008 for a version not spoken here, LRC-1007 for wrong fields. */
export function parseHello(raw: unknown): Hello {
  const { protocol } = raw !== null && typeof raw === 'object' ? (raw as { protocol?: unknown }) : {}
  if (typeof protocol === 'number' && !spokenVersions.includes(protocol as ProtocolVersion))
    throw notSpoken(protocol)
  return readMessage(helloSchema, 'hello', raw)
}

function notSpoken(protocol: number): LoricaError {
  const [older, newer] = protocol > PROTOCOL_VERSION ? ['coordinator', 'agent'] : ['agent', 'coordinator']
  return new LoricaError('LRC-1008', `version ${protocol} of the protocol is not spoken here`, {
    expected: [...spokenVersions].reverse().join(' or '),
    received: String(protocol),
    action: `The ${older} is older than the ${newer}. Update it on its machine: ${UPDATE_COMMAND}`,
  })
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseHelloReply(raw: unknown): HelloReply {
  return readReply(helloReplySchema, 'hello', raw)
}
