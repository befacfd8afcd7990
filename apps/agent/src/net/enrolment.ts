import {
  connectText,
  fingerprintOf,
  type Identity,
  idOf,
  isPinnedKey,
  type JoinLink,
  joinedText,
  joinText,
  LoricaError,
  parseChallenge,
  parseJoined,
  proofHeaders,
  signText,
  verifyText,
} from '@lorica/protocol'
import type { Proof } from './proven-socket.js'

/** Sends JSON to a path of the coordinator whose key has the fingerprint `pin`, and returns the JSON of its answer: postJson. */
export type Post = (url: string, path: string, body: unknown, pin: string) => Promise<unknown>

/** What an agent must know of its coordinator to find it again and to recognise it. */
export interface Enrolment {
  readonly agentId: string
  readonly coordinatorId: string
  readonly coordinatorPublicKey: string
}

export interface Applicant {
  readonly identity: Identity
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Joins the fleet of a join link. The key of the coordinator must be the one that the link pins, and it must confirm
 * the id of this agent with that key; otherwise throws LRC-2008 or LRC-2004 and nothing is kept.
 */
export async function enrol(
  link: JoinLink,
  { identity, name, labels }: Applicant,
  post: Post,
): Promise<Enrolment> {
  const coordinatorId = idOfFingerprint(link.fingerprint)
  const { token, secretSha256, fingerprint } = link
  const signature = signText(identity, joinText(coordinatorId, name, secretSha256))
  const { publicKey } = identity
  const request = { token, name, labels, publicKey, signature }
  const answer = await post(link.url, '/api/v1/agents/join', request, fingerprint)
  const joined = parseJoined(answer)
  if (
    !isPinnedKey(link, joined.coordinatorPublicKey) ||
    idOf(joined.coordinatorPublicKey) !== joined.coordinatorId
  ) {
    throw new LoricaError('LRC-2008', 'the coordinator that answered has another key than the join link', {
      expected: `key fingerprint ${link.fingerprint}`,
      received: `the key of coordinator ${idOf(joined.coordinatorPublicKey)}`,
    })
  }
  if (joined.agentId !== identity.id) {
    throw new LoricaError('LRC-1012', 'the coordinator confirmed another agent', {
      expected: identity.id,
      received: joined.agentId,
    })
  }
  if (!verifyText(joined.coordinatorPublicKey, joinedText(joined.agentId), joined.signature)) {
    throw new LoricaError('LRC-2004', 'the confirmation of the coordinator is not signed with its key')
  }
  const { agentId, coordinatorPublicKey } = joined
  return { agentId, coordinatorId, coordinatorPublicKey }
}

/** Proves the key of an agent over a fresh nonce, before each connection. */
export function proofOf(
  url: string,
  choose: () => Promise<Identity>,
  coordinatorPublicKey: string,
  post: Post,
): Proof {
  const [coordinatorId, pin] = [idOf(coordinatorPublicKey), fingerprintOf(coordinatorPublicKey)]
  return async () => {
    const identity = await choose()
    const answer = await post(url, '/api/v1/agents/challenge', { publicKey: identity.publicKey }, pin)
    const { nonce } = parseChallenge(answer)
    return {
      [proofHeaders.agent]: identity.publicKey,
      [proofHeaders.nonce]: nonce,
      [proofHeaders.signature]: signText(identity, connectText(coordinatorId, nonce)),
    }
  }
}

/** A fingerprint and an id are the same hash of a key: in base64url, and the first half in hexadecimal. */
function idOfFingerprint(fingerprint: string): string {
  return Buffer.from(fingerprint, 'base64url').toString('hex').slice(0, 32)
}
