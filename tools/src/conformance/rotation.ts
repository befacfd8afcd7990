import { createIdentity, type Identity, parseRotated, rotateText, signText } from '@lorica/protocol'
import type { Answer, Candidate } from './candidate.js'
import { leave } from './invitations.js'
import { problemIn, refusalIn } from './joining.js'
import type { Statement, Unexamined } from './statement.js'

/** What section 1 says of an agent that takes another key. */
export const rotation: readonly Statement[] = [
  {
    section: '1',
    statement:
      'an agent that rotates its key keeps its id; the former key is valid until the next one has connected, and then it is not',
    expected: 'the same agent; former key: connected; next key: connected; former key: status 401, LRC-2006',
    observe: (candidate) =>
      withAnother(candidate, async (agent) => {
        const next = createIdentity()
        const answer = await rotate(agent, next)
        if (answer.status !== 200) return problemIn(answer)
        const { agentId, isApproved } = parseRotated(answer.body)
        if (!isApproved) return { because: 'the link asks for approval' }
        const is = agentId === agent.agent.id ? 'the same agent' : agentId
        const [former, renewed, gone] = [
          await connected(agent, agent.agent),
          await connected(agent, next),
          await connected(agent, agent.agent),
        ]
        await leave(agent, agent.proof(next))
        return `${is}; former key: ${former}; next key: ${renewed}; former key: ${gone}`
      }),
  },
  refused('a rotation that the next key has not signed', 'LRC-2004', (agent, next) =>
    rotate(agent, next, { nextSigner: createIdentity() }),
  ),
  refused('a rotation that the former key has not signed', 'LRC-2004', (agent, next) =>
    rotate(agent, next, { signer: createIdentity() }),
  ),
  refused('a rotation over a nonce that was never given', 'LRC-2005', (agent, next) =>
    rotate(agent, next, { nonce: 'A'.repeat(32) }),
  ),
  refused('a rotation of a key that has not joined', 'LRC-2006', (agent, next) =>
    rotate(agent, next, { owner: createIdentity() }),
  ),
]

interface Changes {
  readonly owner?: Identity
  readonly signer?: Identity
  readonly nextSigner?: Identity
  readonly nonce?: string
}

async function rotate(agent: Candidate, next: Identity, changes: Changes = {}): Promise<Answer> {
  const { owner = agent.agent, signer = owner, nextSigner = next } = changes
  const nonce = changes.nonce ?? (await agent.challenge(owner.publicKey)).nonce
  const text = rotateText(agent.coordinatorId, nonce, next.publicKey)
  return await agent.post('/api/v1/agents/rotate', {
    ...{ publicKey: owner.publicKey, nextPublicKey: next.publicKey, nonce },
    ...{ signature: signText(signer, text), nextSignature: signText(nextSigner, text) },
  })
}

function refused(
  what: string,
  code: string,
  act: (agent: Candidate, next: Identity) => Promise<Answer>,
): Statement {
  return {
    section: '1',
    statement: `${what} is refused`,
    expected: `${code} as application/problem+json`,
    observe: (candidate) =>
      withAnother(candidate, async (agent) => {
        const refusal = problemIn(await act(agent, createIdentity()))
        await leave(agent)
        return refusal
      }),
  }
}

async function connected(agent: Candidate, key: Identity): Promise<string> {
  const wire = await agent.upgrade(await agent.proof(key))
  if ('status' in wire) return refusalIn(wire)
  wire.close()
  return 'connected'
}

/** Acts as another agent that has joined, unless the link is for one agent only. */
export async function withAnother(
  candidate: Candidate,
  act: (agent: Candidate) => Promise<string | Unexamined>,
): Promise<string | Unexamined> {
  const agent = candidate.another()
  const joined = await agent.join(agent.link.token)
  if (joined.status === 200) return await act(agent)
  return { because: `no second agent could join: ${problemIn(joined)}` }
}
