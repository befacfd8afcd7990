import {
  createIdentity,
  createToken,
  joinLink,
  joinText,
  parseJoinLink,
  signText,
  verifyText,
} from '@lorica/protocol'
import { expect, test } from 'vitest'
import { enrol, type Post, proofOf } from './enrolment.js'

const coordinator = createIdentity()
const impostor = createIdentity()
const agent = createIdentity()
const link = parseJoinLink(joinLink('http://127.0.0.1:4411', createToken(coordinator.publicKey)))
const applicant = { identity: agent, name: 'oslo-2', labels: { site: 'oslo' } }

const joinedBy = (signer: typeof coordinator, agentId = agent.id) => ({
  agentId,
  coordinatorId: signer.id,
  coordinatorPublicKey: signer.publicKey,
  signature: signText(signer, agentId),
})

test('joining proves the key of the agent and returns the pinned coordinator', async () => {
  const posted: unknown[] = []
  const post: Post = async (...call) => {
    posted.push(call)
    return joinedBy(coordinator)
  }
  expect(await enrol(link, applicant, post)).toEqual({
    agentId: agent.id,
    coordinatorId: coordinator.id,
    coordinatorPublicKey: coordinator.publicKey,
  })
  const [url, path, body] = posted[0] as [string, string, Record<string, string>]
  expect([url, path, body.name, body.token]).toEqual([
    'http://127.0.0.1:4411',
    '/api/v1/agents/join',
    'oslo-2',
    link.token,
  ])
  const proof = joinText(coordinator.id, 'oslo-2', link.secretSha256)
  expect(verifyText(agent.publicKey, proof, body.signature as string)).toBe(true)
})

test('a coordinator with another key than the link pins is refused', async () => {
  await expect(enrol(link, applicant, async () => joinedBy(impostor))).rejects.toMatchObject({
    code: 'LRC-2008',
    expected: `key fingerprint ${link.fingerprint}`,
    received: `the key of coordinator ${impostor.id}`,
  })
})

test('a confirmation that is not signed by the pinned key is refused', async () => {
  const forged = { ...joinedBy(coordinator), signature: joinedBy(impostor).signature }
  await expect(enrol(link, applicant, async () => forged)).rejects.toMatchObject({ code: 'LRC-2004' })
})

test('a confirmation of another agent is refused', async () => {
  await expect(enrol(link, applicant, async () => joinedBy(coordinator, impostor.id))).rejects.toMatchObject({
    code: 'LRC-1012',
    received: impostor.id,
  })
})

test('each connection signs the nonce of a fresh challenge', async () => {
  const nonces = ['first-nonce-0001', 'second-nonce-002']
  const post: Post = async () => ({ nonce: nonces.shift(), expiresInMs: 30_000 })
  const proof = proofOf('http://127.0.0.1:4411', async () => agent, coordinator.publicKey, post)
  for (const nonce of ['first-nonce-0001', 'second-nonce-002']) {
    const headers = await proof()
    expect(headers['x-lorica-nonce']).toBe(nonce)
    const text = `lorica-connect\n${coordinator.id}\n${nonce}`
    expect(verifyText(agent.publicKey, text, headers['x-lorica-signature'] as string)).toBe(true)
  }
})
