import {
  asLoricaError,
  type Binding,
  bindingSchema,
  challengeRequestSchema,
  challengeSchema,
  type ErrorCode,
  joinedSchema,
  joinRequestSchema,
  LoricaError,
  nonceHeader,
  parseChallengeRequest,
  parseJoinRequest,
  parseRotation,
  rotatedSchema,
  rotationSchema,
} from '@lorica/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { bodyReadBy, type Route, route } from '../api/route.js'
import type { Log } from '../log.js'
import { healthOf, type Readiness } from '../watching/readiness.js'
import type { Admission } from './admission.js'
import type { Doorway } from './doorway.js'

const BODY_BYTES = 4096 // a name, labels, two keys and a token fit several times

/** Refusals of a join that may come from guessing. */
const guesses: readonly ErrorCode[] = ['LRC-2001', 'LRC-2002', 'LRC-2004']

const healthSchema = z.object({
  ok: z.boolean(),
  code: z.exactOptional(z.string()),
  reason: z.exactOptional(z.string()),
  action: z.exactOptional(z.string()),
})

/** What the requests of agents act on. */
export interface AgentParts {
  readonly admission: Admission
  readonly doorway: Doorway
  readonly log: Log
  readonly readiness: Readiness
  /** What the key of the coordinator says of the certificate that it shows. */
  readonly binding: (nonce: string) => Binding
  readonly disconnect: (agentId: string) => void
}

/** What agents ask over HTTP before they have a connection: a nonce to prove their key with, and to be taken into the fleet. */
export function agentRoutes(parts: AgentParts): readonly Route[] {
  const { admission, doorway, log, readiness, binding, disconnect } = parts
  const before =
    (what: 'challenge' | 'join') =>
    ({ raw }: FastifyRequest) =>
      doorway.enter(what, raw.socket)
  return [
    ...(['/healthz', '/readyz'] as const).map((path) =>
      route({
        path: `GET ${path}`,
        role: null,
        summary:
          path === '/healthz'
            ? 'Whether all is well; 503 while the disk is full or the store cannot be reached, and all goes on by itself'
            : 'The same, for whoever decides where requests go: 503 while nothing new can be kept',
        answer: healthSchema,
        alsoStatus: 503,
        act: ({ reply }) => {
          const { status, body } = healthOf(readiness)
          void reply.status(status)
          return body
        },
      }),
    ),
    route({
      path: 'GET /api/v1/coordinator',
      role: null,
      summary: 'What an agent verifies before it says anything: the key of the coordinator, over its nonce',
      headers: { [nonceHeader]: '16 to 64 base64url characters, drawn by whoever asks' },
      answer: bindingSchema,
      codes: ['LRC-1007', 'LRC-2017'],
      enter: before('challenge'),
      act: ({ request: { headers } }) => {
        const nonce = String(headers[nonceHeader] ?? '')
        if (/^[A-Za-z0-9_-]{16,64}$/.test(nonce)) return binding(nonce)
        throw new LoricaError('LRC-1007', `header ${nonceHeader}: expected 16 to 64 base64url characters`, {
          expected: '16 to 64 base64url characters',
          received: `${nonce.length} characters`,
        })
      },
    }),
    route({
      path: 'POST /api/v1/agents/challenge',
      role: null,
      summary: 'A nonce that an agent signs to prove its key',
      body: bodyReadBy(parseChallengeRequest, challengeRequestSchema),
      bodyBytes: BODY_BYTES,
      answer: challengeSchema,
      codes: ['LRC-2017'],
      enter: before('challenge'),
      act: ({ body }) => admission.challenge(body.publicKey),
    }),
    route({
      path: 'POST /api/v1/agents/join',
      role: null,
      summary: 'Takes an agent into the fleet that has a join link',
      body: bodyReadBy(parseJoinRequest, joinRequestSchema),
      bodyBytes: BODY_BYTES,
      answer: joinedSchema,
      codes: [
        ...guesses,
        ...(['LRC-2003', 'LRC-2011', 'LRC-2012', 'LRC-2014', 'LRC-2017', 'LRC-5005'] as const),
      ],
      enter: before('join'),
      act: async ({ body, request: { raw } }) => {
        const joined = await admission.join(body).catch((error: unknown) => {
          const { code } = asLoricaError(error)
          if (guesses.includes(code)) doorway.wrong('join', raw.socket, code)
          throw error
        })
        log('agent-joined', { agent: joined.agentId, name: body.name })
        return joined
      },
    }),
    route({
      path: 'POST /api/v1/agents/rotate',
      role: null,
      summary: 'Puts another key in the place of the one that an agent has',
      body: bodyReadBy(parseRotation, rotationSchema),
      bodyBytes: BODY_BYTES,
      answer: rotatedSchema,
      codes: ['LRC-2004', 'LRC-2005', 'LRC-2006', 'LRC-2011', 'LRC-2017', 'LRC-5005'],
      enter: before('join'),
      act: async ({ body }) => {
        const rotated = await admission.rotate(body)
        log('agent-key-offered', { agent: rotated.agentId, approved: rotated.isApproved })
        if (rotated.isApproved) disconnect(rotated.agentId) // it comes back with the new key
        return rotated
      },
    }),
  ]
}
