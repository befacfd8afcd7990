import { parseChallengeRequest, parseJoinRequest } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import type { Log } from '../log.js'
import type { Admission } from './admission.js'

/** What agents ask over HTTP before they have a connection: a nonce to prove their key with, and to be taken into the fleet. */
export function agentApi(
  app: FastifyInstance,
  parts: { readonly admission: Admission; readonly log: Log },
): void {
  const { admission, log } = parts
  app.get('/healthz', async () => ({ ok: true }))
  app.post('/api/v1/agents/challenge', async ({ body }) =>
    admission.challenge(parseChallengeRequest(body).publicKey),
  )
  app.post('/api/v1/agents/join', async ({ body }) => {
    const request = parseJoinRequest(body)
    const joined = await admission.join(request)
    log('agent-joined', { agent: joined.agentId, name: request.name })
    return joined
  })
}
