import {
  bindingText,
  createIdentity,
  createToken,
  isPinnedKey,
  joinedText,
  nonceHeader,
  parseBinding,
  parseJoined,
  verifyText,
} from '@lorica/protocol'
import type { Answer, Candidate, Proof } from './candidate.js'
import type { Statement } from './statement.js'

/** What sections 1 and 2 say: who joins, and who connects. The agent of the candidate has joined once these were observed. */
export const joining: readonly Statement[] = [
  {
    section: '1',
    statement:
      'GET /api/v1/coordinator is signed over the nonce of whoever asks by the key that the link pins',
    expected: 'signed by the pinned key',
    async observe({ get, link, coordinatorId }) {
      const nonce = 'conformance_nonce_0123456789'
      const { coordinatorPublicKey, certificateSha256, signature } = parseBinding(
        (await get('/api/v1/coordinator', { [nonceHeader]: nonce })).body,
      )
      const text = bindingText(coordinatorId, nonce, certificateSha256)
      return signerOf(link, coordinatorPublicKey, text, signature)
    },
  },
  {
    section: '1',
    statement: 'a join token with another secret is refused',
    expected: 'LRC-2002 as application/problem+json',
    async observe({ join, link }) {
      const other = createToken(createIdentity().publicKey).split('.')[0]
      return problemIn(await join(`${other}.${link.fingerprint}`))
    },
  },
  {
    section: '1',
    statement: 'a join that another key than publicKey has signed is refused',
    expected: 'LRC-2004 as application/problem+json',
    observe: async ({ join, link }) => problemIn(await join(link.token, createIdentity())),
  },
  {
    section: '1',
    statement: 'a join is confirmed for the id of the key, signed by the key that the link pins',
    expected: 'signed by the pinned key',
    observe: async (candidate) => confirmationIn(candidate, await candidate.join(candidate.link.token)),
  },
  {
    section: '1',
    statement: 'the same key may send its join again',
    expected: 'the same agent',
    async observe({ join, link, agent }) {
      const { agentId } = parseJoined((await join(link.token)).body)
      return agentId === agent.id ? 'the same agent' : agentId
    },
  },
  {
    section: '1',
    statement: 'every challenge has another nonce',
    expected: '8 nonces',
    async observe({ challenge }) {
      const all = await Promise.all(Array.from({ length: 8 }, () => challenge()))
      return `${new Set(all.map(({ nonce }) => nonce)).size} nonces`
    },
  },
  refusedUpgrade('an upgrade without a proof', 'LRC-2004', async () => ({})),
  refusedUpgrade('a proof that another key has signed', 'LRC-2004', ({ proof, agent }) =>
    proof(agent, undefined, createIdentity()),
  ),
  refusedUpgrade('a proof over a nonce that was never given', 'LRC-2005', ({ proof, agent }) =>
    proof(agent, 'A'.repeat(32)),
  ),
  refusedUpgrade('a proof over a nonce that was given to another key', 'LRC-2005', async (candidate) => {
    const { nonce } = await candidate.challenge(createIdentity().publicKey)
    return candidate.proof(candidate.agent, nonce)
  }),
  refusedUpgrade('a proof of a key that has not joined', 'LRC-2006', ({ proof }) => proof(createIdentity())),
  refusedUpgrade('a proof that was used before', 'LRC-2005', async ({ proof, upgrade }) => {
    const headers = await proof()
    const first = await upgrade(headers)
    if ('status' in first) throw new Error(`its first use was refused: ${refusalIn(first)}`)
    first.close()
    return headers
  }),
]

function refusedUpgrade(
  what: string,
  code: string,
  headers: (candidate: Candidate) => Promise<Proof>,
): Statement {
  return {
    section: '2',
    statement: `${what} is refused before a socket exists`,
    expected: `status 401, ${code}`,
    async observe(candidate) {
      const wire = await candidate.upgrade(await headers(candidate))
      if ('status' in wire) return refusalIn(wire)
      wire.close()
      return 'a connection'
    },
  }
}

/** What an upgrade was refused with, in words. */
export function refusalIn({ status, body }: { readonly status: number; readonly body: string }): string {
  const { code } = JSON.parse(body) as { readonly code?: unknown }
  return `status ${status}, ${String(code)}`
}

/** What a request was refused with, in words. */
export function problemIn({ body, mediaType, status }: Answer): string {
  const code = (body as { readonly code?: unknown } | null)?.code
  return code === undefined ? `status ${status}` : `${String(code)} as ${mediaType}`
}

function confirmationIn({ link, agent }: Candidate, { body }: Answer): string {
  const { agentId, coordinatorPublicKey, signature } = parseJoined(body)
  if (agentId !== agent.id) return `agent ${agentId}`
  return signerOf(link, coordinatorPublicKey, joinedText(agentId), signature)
}

function signerOf(link: Candidate['link'], publicKey: string, text: string, signature: string): string {
  if (!isPinnedKey(link, publicKey)) return 'another key than the link pins'
  return verifyText(publicKey, text, signature) ? 'signed by the pinned key' : 'not signed by the pinned key'
}
