import type { IncomingHttpHeaders } from 'node:http'
import {
  type Challenge,
  connectText,
  type Identity,
  idOf,
  type Joined,
  type JoinRequest,
  joinedText,
  joinText,
  LoricaError,
  limits,
  proofHeaders,
  type Rotated,
  type Rotation,
  rotateText,
  signText,
  verifyText,
} from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { createChallenges } from '../fleet/challenges.js'
import type { Member } from '../fleet/roster.js'
import { checkToken, expectSpare } from '../fleet/tokens.js'
import type { Ledger } from '../ledger.js'
import type { Random } from '../random.js'

/** A request for a connection, as far as it is judged. */
export interface Upgrading {
  readonly headers: IncomingHttpHeaders
}

/** Decides who joins the fleet and who connects. */
export interface Admission {
  challenge(publicKey: string): Challenge
  /** Takes a key into the fleet. Throws LoricaError LRC-2001 to LRC-2004, LRC-2011, LRC-2012 or LRC-2014. */
  join(request: JoinRequest): Promise<Joined>
  /**
   * Takes the next key of an agent, proven by the key that it has. That stays valid until the next one has connected. Throws
   * LoricaError LRC-2004, LRC-2005, LRC-2006 or LRC-2011.
   */
  rotate(request: Rotation): Promise<Rotated>
  /** Checks the proof in the headers of an upgrade. Throws LoricaError LRC-2004, LRC-2005, LRC-2006, LRC-2011 or LRC-2013. */
  connect(request: Upgrading): Member
}

export function createAdmission({
  ledger,
  identity,
  clock,
  random,
}: {
  readonly ledger: Ledger
  readonly identity: Identity
  readonly clock: Clock
  readonly random: Random
}): Admission {
  const challenges = createChallenges()
  return {
    challenge(publicKey) {
      const nonce = Buffer.from(random.bytes(24)).toString('base64url')
      challenges.issue(publicKey, nonce, clock.now())
      return { nonce, expiresInMs: limits.challengeMs }
    },
    async join({ token, name, labels, publicKey, signature }) {
      const invitation = checkToken(token, ledger.tokens(), clock.now())
      const { secretSha256, needsApproval } = invitation
      const member = ledger.owner(publicKey)
      const agentId = member?.agentId ?? idOf(publicKey)
      if (!verifyText(publicKey, joinText(identity.id, name, secretSha256), signature)) throw badSignature()
      if (member?.left === 'revoked' || member?.left === 'rejected') throw revoked(agentId)
      const isKnown = member !== undefined && member.left === null && member.name === name
      if (!isKnown) {
        expectSpare(invitation, ledger.joinedWith(secretSha256), name)
        const joined = { agentId, name, labels, publicKey, secretSha256, isApproved: !needsApproval }
        ledger.record({ type: 'agent-joined', ...joined })
      }
      await ledger.flush()
      const confirmation = signText(identity, joinedText(agentId))
      const { id: coordinatorId, publicKey: coordinatorPublicKey } = identity
      return { agentId, coordinatorId, coordinatorPublicKey, signature: confirmation }
    },
    async rotate({ publicKey, nextPublicKey, nonce, signature, nextSignature }) {
      challenges.redeem(publicKey, nonce, clock.now())
      const text = rotateText(identity.id, nonce, nextPublicKey)
      if (!verifyText(publicKey, text, signature) || !verifyText(nextPublicKey, text, nextSignature))
        throw badSignature()
      const member = ledger.owner(publicKey)
      const owner = ledger.owner(nextPublicKey)
      if (member?.left === 'revoked' || member?.left === 'rejected') throw revoked(member.agentId)
      if (member?.publicKey !== publicKey || member.left !== null) throw unknownKey(publicKey)
      if (owner !== undefined && owner.nextKey?.publicKey !== nextPublicKey) throw badSignature()
      if (owner !== undefined && owner.agentId !== member.agentId) throw badSignature()
      const { agentId, secretSha256 } = member
      const needsApproval = ledger
        .tokens()
        .find((token) => token.secretSha256 === secretSha256)?.needsApproval
      const isApproved =
        needsApproval !== true || (member.nextKey?.publicKey === nextPublicKey && member.nextKey.isApproved)
      const proof = { nonce, signature }
      ledger.record({ type: 'agent-key-offered', agentId, publicKey: nextPublicKey, isApproved, proof })
      await ledger.flush()
      return { agentId, isApproved }
    },
    connect(request) {
      const publicKey = header(request, proofHeaders.agent)
      const nonce = header(request, proofHeaders.nonce)
      const signature = header(request, proofHeaders.signature)
      if (!/^[A-Za-z0-9_-]{43}$/.test(publicKey)) throw badSignature()
      challenges.redeem(publicKey, nonce, clock.now())
      if (!verifyText(publicKey, connectText(identity.id, nonce), signature)) throw badSignature()
      const member = ledger.owner(publicKey)
      if (member?.left === 'revoked' || member?.left === 'rejected') throw revoked(member.agentId)
      if (member === undefined || member.left !== null) {
        throw unknownKey(publicKey)
      }
      const isNext = member.publicKey !== publicKey
      if (!member.isApproved || (isNext && !member.nextKey?.isApproved)) throw unapproved(member)
      if (isNext) ledger.record({ type: 'agent-key-changed', agentId: member.agentId, publicKey })
      return member
    },
  }
}

function header(request: Upgrading, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

function unknownKey(publicKey: string): LoricaError {
  return new LoricaError('LRC-2006', 'this key has not joined this fleet', { received: idOf(publicKey) })
}

function badSignature(): LoricaError {
  return new LoricaError('LRC-2004', 'the signature is not by the key that it names', {
    expected: 'an Ed25519 signature by the key of the agent',
    received: 'another',
  })
}

function unapproved({ agentId, name }: Member): LoricaError {
  return new LoricaError('LRC-2013', `an operator has yet to approve agent ${name}, id ${agentId}`, {
    expected: 'an approval',
    received: 'none yet',
  })
}

function revoked(agentId: string): LoricaError {
  return new LoricaError('LRC-2011', 'this agent was taken out of the fleet by an operator', {
    received: agentId,
  })
}
