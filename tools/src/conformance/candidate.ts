import {
  type Challenge,
  connectText,
  createIdentity,
  type Identity,
  type JoinLink,
  joinText,
  PROTOCOL_VERSION,
  parseChallenge,
  parseJoinLink,
  proofHeaders,
  signText,
  tokenSecretSha256,
} from '@lorica/protocol'
import type { Operator } from './operator.js'
import { type OnMessage, openWire, type Refused, type Wire } from './wire.js'

/** An answer of HTTP: its status, its media type, and its JSON. */
export interface Answer {
  readonly status: number
  readonly mediaType: string
  readonly retryAfter: string | null
  readonly body: unknown
}

/** What an upgrade shows. */
export type Proof = Readonly<Record<string, string>>

/** The coordinator that is looked at, and the agent that looks. */
export interface Candidate {
  readonly link: JoinLink
  readonly expired: JoinLink | undefined // a link of the same coordinator that has expired
  readonly operator: Operator | undefined // who may make links and approve agents
  readonly waitMs: number // for each answer
  readonly coordinatorId: string
  readonly agent: Identity
  readonly name: string
  get(path: string, headers?: Proof): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
  /** Asks to join with the token of a link, signed by `signer`. */
  join(token: string, signer?: Identity): Promise<Answer>
  challenge(publicKey?: string): Promise<Challenge>
  /** The headers that prove `agent`, over a fresh nonce unless one is given. */
  proof(agent?: Identity, nonce?: string, signer?: Identity): Promise<Proof>
  /** Tries to connect; at another path, or silent in some respect, where that is said. */
  upgrade(
    headers: Proof,
    manner?: { path?: string; silence?: 'namespace' | 'heartbeats' },
  ): Promise<Wire | Refused>
  /** A proven connection that has not said hello, and what hears the messages of the coordinator. Throws Error when it is refused. */
  connect(onMessage?: OnMessage): Promise<Wire>
  /** Another agent with a new key, of the same link unless another one is given. */
  another(joinLink?: string, name?: string): Candidate
}

interface CandidateOptions {
  readonly waitMs: number
  readonly expiredLink?: string | undefined
  readonly operator?: Operator | undefined
  readonly labels?: Readonly<Record<string, string>>
  readonly name?: string
}

/** Looks at the coordinator of a join link, as an agent with a new key. Throws LoricaError LRC-2001 for a link that is none. */
export function openCandidate(joinLink: string, options: CandidateOptions): Candidate {
  const { waitMs, expiredLink, operator, labels = {} } = options
  const link = parseJoinLink(joinLink)
  const agent = createIdentity()
  const coordinatorId = Buffer.from(link.fingerprint, 'base64url').toString('hex').slice(0, 32)
  const name = options.name ?? `conformance-${agent.id.slice(0, 8)}`

  async function request(method: string, path: string, headers: Proof, body?: unknown): Promise<Answer> {
    const response = await fetch(`${link.url}${path}`, {
      method,
      headers: { 'x-lorica-protocol': String(PROTOCOL_VERSION), ...headers },
      signal: AbortSignal.timeout(waitMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const mediaType = response.headers.get('content-type')?.split(';')[0] ?? ''
    const { status, headers: said } = response
    const retryAfter = said.get('retry-after')
    return { status, mediaType, retryAfter, body: mediaType.endsWith('json') ? JSON.parse(text) : text }
  }

  const candidate: Candidate = {
    link,
    expired: expiredLink === undefined ? undefined : parseJoinLink(expiredLink),
    operator,
    waitMs,
    coordinatorId,
    agent,
    name,
    get: (path, headers = {}) => request('GET', path, headers),
    post: (path, body) => request('POST', path, { 'content-type': 'application/json' }, body),
    join(token, signer = agent) {
      const text = joinText(coordinatorId, name, tokenSecretSha256(token) ?? '')
      const { publicKey } = agent
      const signature = signText(signer, text)
      return candidate.post('/api/v1/agents/join', { token, name, labels, publicKey, signature })
    },
    async challenge(publicKey = agent.publicKey) {
      const { body } = await candidate.post('/api/v1/agents/challenge', { publicKey })
      return parseChallenge(body)
    },
    async proof(prover = agent, nonce, signer = prover) {
      const signed = nonce ?? (await candidate.challenge(prover.publicKey)).nonce
      return {
        [proofHeaders.agent]: prover.publicKey,
        [proofHeaders.nonce]: signed,
        [proofHeaders.signature]: signText(signer, connectText(coordinatorId, signed)),
      }
    },
    upgrade: (headers, manner = {}) => openWire(link.url, headers, { waitMs, ...manner }),
    async connect(onMessage) {
      const wire = await openWire(link.url, await candidate.proof(), { waitMs, onMessage })
      if ('status' in wire) throw new Error(`the upgrade was refused with ${wire.status}: ${wire.body}`)
      return wire
    },
    another: (other = joinLink, otherName) =>
      openCandidate(other, {
        waitMs,
        operator,
        labels,
        ...(otherName === undefined ? {} : { name: otherName }),
      }),
  }
  return candidate
}
