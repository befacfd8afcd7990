import {
  asLoricaError,
  type Binding,
  LoricaError,
  nonceHeader,
  parseChallengeRequest,
  parseJoinRequest,
  parseRotation,
} from '@lorica/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Log } from '../log.js'
import { healthOf, type Readiness } from '../readiness.js'
import type { Admission } from './admission.js'
import type { Doorway } from './doorway.js'

const BODY_BYTES = 4096 // a name, labels, two keys and a token fit several times

/** Refusals of a join that may come from guessing. */
const guesses: readonly string[] = ['LRC-2001', 'LRC-2002', 'LRC-2004']

/** What agents ask over HTTP before they have a connection: a nonce to prove their key with, and to be taken into the fleet. */
export function agentApi(
  app: FastifyInstance,
  parts: {
    readonly admission: Admission
    readonly doorway: Doorway
    readonly log: Log
    readonly readiness: Readiness
    readonly binding: (nonce: string) => Binding
    readonly disconnect: (agentId: string) => void
  },
): void {
  const { admission, doorway, log, readiness, binding, disconnect } = parts
  const before = (what: 'challenge' | 'join') => ({
    onRequest: async ({ raw }: FastifyRequest) => doorway.enter(what, raw.socket),
  })
  app.get('/healthz', async (_request, reply) => {
    const { status, body } = healthOf(readiness)
    return reply.status(status).send(body)
  })
  app.get('/api/v1/coordinator', before('challenge'), async ({ headers }) => {
    const nonce = String(headers[nonceHeader] ?? '')
    if (/^[A-Za-z0-9_-]{16,64}$/.test(nonce)) return binding(nonce)
    throw new LoricaError('LRC-1007', `header ${nonceHeader}: expected 16 to 64 base64url characters`, {
      expected: '16 to 64 base64url characters',
      received: `${nonce.length} characters`,
    })
  })
  app.post('/api/v1/agents/challenge', { bodyLimit: BODY_BYTES, ...before('challenge') }, async ({ body }) =>
    admission.challenge(parseChallengeRequest(body).publicKey),
  )
  app.post('/api/v1/agents/join', { bodyLimit: BODY_BYTES, ...before('join') }, async ({ body, raw }) => {
    const request = parseJoinRequest(body)
    const joined = await admission.join(request).catch((error: unknown) => {
      const { code } = asLoricaError(error)
      if (guesses.includes(code)) doorway.wrong('join', raw.socket, code)
      throw error
    })
    log('agent-joined', { agent: joined.agentId, name: request.name })
    return joined
  })
  app.post('/api/v1/agents/rotate', { bodyLimit: BODY_BYTES, ...before('join') }, async ({ body }) => {
    const rotated = await admission.rotate(parseRotation(body))
    log('agent-key-offered', { agent: rotated.agentId, approved: rotated.isApproved })
    if (rotated.isApproved) disconnect(rotated.agentId) // it comes back with the new key
    return rotated
  })
}
