import {
  createIdentity,
  followsKnown,
  type Identity,
  rotateText,
  rotationsIn,
  type SumRoster,
  signText,
} from '@lorica/protocol'
import { expect, test } from 'vitest'
import { enrol, open, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { startSummingAgent } from '../summing-agent.fixture.js'

async function offer(fleet: Fleet, identity: Identity, next: Identity, signed = next) {
  const { publicKey } = identity
  const { nonce } = (await fleet.api('POST', '/api/v1/agents/challenge', { publicKey })).body as {
    nonce: string
  }
  const text = rotateText(fleet.coordinator().coordinatorId, nonce, next.publicKey)
  const signatures = { signature: signText(identity, text), nextSignature: signText(signed, text) }
  const request = { publicKey, nextPublicKey: next.publicKey, nonce, ...signatures }
  return (await fleet.api('POST', '/api/v1/agents/rotate', request)).body as Record<string, unknown>
}

async function agents(fleet: Fleet) {
  const { body } = await fleet.api('GET', '/api/v1/agents')
  return (body as { agents: Record<string, unknown>[] }).agents
}

test('an agent takes another key and stays the same one; the key before is valid until the next has connected', async () => {
  await using fleet = await startFleet()
  const oslo = await startAgent(fleet, 'oslo')
  const next = createIdentity()
  const dismissed = new Promise((resolve) => oslo.socket.once('disconnect', resolve))
  expect(await offer(fleet, oslo.identity, next)).toEqual({ agentId: oslo.identity.id, isApproved: true })
  await dismissed
  ;(await open(fleet, oslo.identity)).disconnect()
  const renewed = await startAgent(fleet, 'oslo', {}, next)
  expect(await agents(fleet)).toMatchObject([
    { agentId: oslo.identity.id, state: 'connected', pendingKeyId: null },
  ])
  await expect(open(fleet, oslo.identity)).rejects.toThrow('websocket error')
  renewed.close()
  await fleet.restart()
  ;(await open(fleet, next)).disconnect()
  await expect(open(fleet, oslo.identity)).rejects.toThrow('websocket error')
})

test('where a link asked for approval, the next key waits for it too', async () => {
  await using fleet = await startFleet()
  const invited = await fleet.api('POST', '/api/v1/agents/invite', { needsApproval: true })
  const { join } = invited.body as { join: string }
  const identity = await enrol(fleet, 'turin', { join })
  await fleet.api('POST', '/api/v1/agents/turin/approve')
  const next = createIdentity()
  expect(await offer(fleet, identity, next)).toEqual({ agentId: identity.id, isApproved: false })
  expect(await agents(fleet)).toMatchObject([{ pendingKeyId: next.id }])
  await expect(open(fleet, next)).rejects.toThrow('websocket error')
  ;(await open(fleet, identity)).disconnect()
  await fleet.api('POST', '/api/v1/agents/turin/approve')
  ;(await open(fleet, next)).disconnect()
  await expect(open(fleet, identity)).rejects.toThrow('websocket error')
})

test('a key is not replaced by one that nobody holds, by that of another agent, or for who was taken out', async () => {
  await using fleet = await startFleet()
  const oslo = await enrol(fleet, 'oslo')
  const turin = await enrol(fleet, 'turin')
  const next = createIdentity()
  expect(await offer(fleet, oslo, next, turin)).toMatchObject({ code: 'LRC-2004' })
  expect(await offer(fleet, oslo, turin)).toMatchObject({ code: 'LRC-2004' })
  expect(await offer(fleet, createIdentity(), next)).toMatchObject({ code: 'LRC-2006' })
  expect(await offer(fleet, turin, next)).toMatchObject({ agentId: turin.id })
  await fleet.api('POST', `/api/v1/agents/${turin.id}/revoke`)
  for (const key of [turin, next]) await expect(open(fleet, key)).rejects.toThrow('websocket error')
  await expect(enrol(fleet, 'turin', { identity: next })).rejects.toMatchObject({ code: 'LRC-2011' })
  expect(await offer(fleet, turin, createIdentity())).toMatchObject({ code: 'LRC-2011' })
})

test('a different key under a name that is taken is another agent, and the one before is not touched', async () => {
  await using fleet = await startFleet()
  const first = await startAgent(fleet, 'oslo')
  const second = await startAgent(fleet, 'oslo')
  expect((await agents(fleet)).map(({ agentId, state }) => [agentId, state])).toEqual([
    [first.identity.id, 'connected'],
    [second.identity.id, 'connected'],
  ])
  expect(first.socket.connected).toBe(true)
})

test('in a secure sum the others are told how a rotated key came from the one that its id was made of', async () => {
  await using fleet = await startFleet()
  const first = await enrol(fleet, 'oslo')
  const [second, third] = [createIdentity(), createIdentity()] as const
  for (const [before, next] of [
    [first, second],
    [second, third],
  ] as const) {
    await offer(fleet, before, next)
    ;(await open(fleet, next)).disconnect()
  }
  await fleet.restart()
  const manner = { change: 0.5 }
  await startSummingAgent(fleet, 'oslo', manner, third, first.id)
  const others = await Promise.all(['turin', 'graz'].map((name) => startSummingAgent(fleet, name, manner)))
  const told = new Promise<SumRoster>((resolve) => others[0]!.socket.on('sum-roster', resolve))
  const runId = await fleet.startRun({
    ...{ aggregate: { trust: 'private' }, privacy: { clip: 40 }, rounds: { count: 1, minimum: 3 } },
    evaluate: { holdout: 0 },
  })
  await fleet.event(runId, 'run-ended')
  expect((await fleet.run(runId)).state).toBe('succeeded')
  const { agents } = await told
  const [{ publicKey, rotations = '' }] = agents.filter(({ agent }) => agent === first.id) as [
    SumRoster['agents'][number],
  ]
  expect(publicKey).toBe(third.publicKey)
  const { coordinatorId } = fleet.coordinator()
  for (const known of [first, second])
    expect(
      followsKnown(
        { publicKey, rotations: rotationsIn(rotations) },
        coordinatorId,
        (key) => key === known.publicKey,
      ),
    ).toBe(true)
  expect(agents.filter(({ agent }) => agent !== first.id).map((one) => one.rotations)).toEqual([
    undefined,
    undefined,
  ])
})
