import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  createIdentity,
  createToken,
  joinText,
  parseJoinLink,
  signText,
  type TrainAssignment,
} from '@lorica/protocol'
import { expect, test } from 'vitest'
import { enrol, offerOf, open, type ScriptedAgent, startAgent, updateBytes } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const idle = { train: () => new Promise<void>(() => {}) }

/** A fleet whose agents have been asked to train and wait for the test to act. */
async function training(): Promise<{
  fleet: Fleet
  oslo: ScriptedAgent
  turin: ScriptedAgent
  runId: string
}> {
  const fleet = await startFleet()
  const oslo = await startAgent(fleet, 'oslo', idle)
  const turin = await startAgent(fleet, 'turin', idle)
  const runId = await fleet.startRun()
  await fleet.event(runId, 'round-planned')
  await until(() =>
    [oslo, turin].every(({ assignments }) => assignments.some(({ kind }) => kind === 'train')),
  )
  return { fleet, oslo, turin, runId }
}

function asked(agent: ScriptedAgent): TrainAssignment {
  return agent.assignments.find((one): one is TrainAssignment => one.kind === 'train')!
}

test('an upload in chunks is refused at a wrong offset, goes on at the right one, and survives a lost connection', async () => {
  const { fleet, oslo } = await training()
  await using _ = fleet
  const bytes = await updateBytes(oslo, asked(oslo), 2)
  const offer = offerOf(asked(oslo), bytes)
  const { uploadId, offset } = await oslo.emit('update.open', offer)
  expect(offset).toBe(0)
  expect(await oslo.emit('update.chunk', { uploadId, offset: 0, bytes: bytes.subarray(0, 200) })).toEqual({
    ok: true,
    offset: 200,
  })
  const gap = await oslo.emit('update.chunk', { uploadId, offset: 300, bytes: bytes.subarray(300, 400) })
  expect(gap.refusal).toMatchObject({ code: 'LRC-4004', expected: '200', received: '300' })
  expect((await oslo.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-4003')
  oslo.close()
  const back = await startAgent(fleet, 'oslo', idle, oslo.identity)
  expect(await back.emit('update.open', offer)).toEqual({ ok: true, uploadId, offset: 200 })
  await back.emit('update.chunk', { uploadId, offset: 200, bytes: bytes.subarray(200) })
  const closed = await back.emit('update.close', { uploadId })
  expect(closed).toMatchObject({ ok: true, receipt: { updateSha256: offer.sha256, round: 1 } })
  expect((await back.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-4005')
  expect((await back.emit('update.open', offer)).receipt).toEqual(closed.receipt)
})

test('an agent can neither use the assignment nor the upload of another, nor read its update', async () => {
  const { fleet, oslo, turin } = await training()
  await using _ = fleet
  const bytes = await updateBytes(oslo, asked(oslo), 2)
  const offer = offerOf(asked(oslo), bytes)
  const before = await readdir(dirname(fleet.model), { recursive: true })
  expect((await turin.emit('update.open', offer)).refusal?.code).toBe('LRC-4001')
  const nobodys = { ...offer, assignmentId: 'never-given' }
  expect((await turin.emit('update.open', nobodys)).refusal?.code).toBe('LRC-4001')
  expect(await readdir(dirname(fleet.model), { recursive: true })).toEqual(before) // nothing is kept of it
  const { uploadId } = await oslo.emit('update.open', offer)
  expect(
    (await turin.emit('update.chunk', { uploadId, offset: 0, bytes: bytes.subarray(0, 9) })).refusal?.code,
  ).toBe('LRC-4005')
  expect((await turin.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-4005')
  const { updateSha256 } = await oslo.upload(asked(oslo), 2)
  expect((await turin.emit('blob.read', { sha256: updateSha256, offset: 0, length: 9 })).refusal?.code).toBe(
    'LRC-3008',
  )
})

test('bytes that are not the announced ones are refused, and the upload starts again', async () => {
  const { fleet, oslo } = await training()
  await using _ = fleet
  const bytes = await updateBytes(oslo, asked(oslo), 2)
  const offer = offerOf(asked(oslo), bytes)
  const { uploadId } = await oslo.emit('update.open', offer)
  const damaged = Uint8Array.from(bytes)
  damaged[damaged.length - 2]! ^= 1
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes: damaged })
  expect((await oslo.emit('update.close', { uploadId })).refusal?.code).toBe('LRC-4006')
  expect(await oslo.emit('update.open', offer)).toMatchObject({ ok: true, offset: 0 })
})

test('an update that is closed twice at once is taken once, and both are given its receipt', async () => {
  const { fleet, oslo } = await training()
  await using _ = fleet
  const bytes = await updateBytes(oslo, asked(oslo), 2)
  const offer = offerOf(asked(oslo), bytes)
  const { uploadId } = await oslo.emit('update.open', offer)
  await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
  const answers = await Promise.all([
    oslo.emit('update.close', { uploadId }),
    oslo.emit('update.close', { uploadId }),
  ])
  expect(answers[0].receipt).toMatchObject({ updateSha256: offer.sha256, round: 1 })
  expect(answers[1]).toEqual(answers[0])
  expect((await oslo.emit('update.open', offer)).receipt).toEqual(answers[0].receipt)
})

test('a second, different update of one agent is a conflict', async () => {
  const { fleet, oslo } = await training()
  await using _ = fleet
  await oslo.upload(asked(oslo), 2)
  await expect(oslo.upload(asked(oslo), 3)).rejects.toMatchObject({ code: 'LRC-4013' })
})

test('an update after its round is late, and the receipt of an earlier one stays', async () => {
  const { fleet, oslo, turin, runId } = await training()
  await using _ = fleet
  const receipt = await oslo.upload(asked(oslo), 2)
  await turin.emit('decline', {
    assignmentId: asked(turin).assignmentId,
    code: 'LRC-6008',
    message: 'paused',
  })
  await fleet.event(runId, 'round-failed')
  await expect(turin.upload(asked(turin), 2)).rejects.toMatchObject({ code: 'LRC-4002' })
  expect(receipt.round).toBe(1)
})

test('an update that races the end of its round is either acknowledged and recorded, or refused', async () => {
  for (const delayMs of [0, 1, 2, 3, 5]) {
    const { fleet, oslo, runId } = await training()
    await using _ = fleet
    const bytes = await updateBytes(oslo, asked(oslo), 2)
    const { uploadId } = await oslo.emit('update.open', offerOf(asked(oslo), bytes))
    await oslo.emit('update.chunk', { uploadId, offset: 0, bytes })
    const closed = oslo.emit('update.close', { uploadId })
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await fleet.api('POST', `/api/v1/runs/${runId}/cancel`)
    const reply = await closed
    const isRecorded = await fleet.event(runId, 'update-accepted').then(
      () => true,
      () => false,
    )
    expect([reply.ok, reply.refusal?.code]).toEqual(isRecorded ? [true, undefined] : [false, 'LRC-4002'])
  }
})

test('hello comes first, and unknown or malformed messages are answered with a code', async () => {
  await using fleet = await startFleet()
  const socket = await open(fleet, await enrol(fleet, 'oslo'))
  const emit = (event: string, message: unknown) => socket.timeout(3000).emitWithAck(event, message)
  expect((await emit('leave', {})).refusal.code).toBe('LRC-2010')
  const hello = {
    protocol: 1,
    software: 'x',
    device: { kind: 'cpu', threads: 2, memoryBytes: 9 },
    dataset: { documents: 2 },
  }
  for (const [protocol, side] of [
    [0, 'agent'],
    [3, 'coordinator'],
  ] as const) {
    expect((await emit('hello', { ...hello, protocol, mood: 'new' })).refusal).toMatchObject({
      code: 'LRC-1008',
      expected: '1 or 2',
      received: String(protocol),
      action: expect.stringMatching(new RegExp(`The ${side} is older .*: git pull && npm run build`)),
    })
  }
  expect((await emit('hello', { ...hello, files: ['a.txt'] })).refusal.code).toBe('LRC-1007')
  expect((await emit('hello', hello)).ok).toBe(true)
  expect((await emit('dance', {})).refusal.code).toBe('LRC-1011')
  expect((await emit('blob.read', { sha256: '../etc/passwd', offset: 0, length: 9 })).refusal.code).toBe(
    'LRC-1007',
  )
  socket.disconnect()
})

test('an agent of version 1 is answered with what version 1 has, and one of version 2 with more', async () => {
  await using fleet = await startFleet()
  const socket = await open(fleet, await enrol(fleet, 'oslo'))
  const hello = {
    software: 'x',
    device: { kind: 'cpu', threads: 2, memoryBytes: 9 },
    dataset: { documents: 2 },
  }
  const say = async (protocol: number): Promise<object> =>
    socket.timeout(3000).emitWithAck('hello', { ...hello, protocol })
  const { coordinatorId } = fleet.coordinator()
  const first = { ok: true, protocol: 1, coordinatorId, limits: { chunkBytes: 262_144, windowChunks: 8 } }
  expect(await say(1)).toEqual(first)
  const second = { ...first, protocol: 2, nowMs: expect.any(Number), reconnectMs: 1000 }
  expect(await say(2)).toEqual(second)
  socket.disconnect()
})

test('a hostile frame costs its connection and nobody else', async () => {
  await using fleet = await startFleet()
  const good = await startAgent(fleet, 'oslo')
  for (const frame of [
    Buffer.alloc(400_000, 0x91),
    Buffer.from('ddffffffff80', 'hex'),
    Buffer.from('c7030000aabb', 'hex'),
    'text',
  ]) {
    const hostile = await startAgent(fleet, 'turin')
    const closed = new Promise((resolve) => hostile.socket.once('disconnect', resolve))
    hostile.socket.io.engine.write(frame as Buffer)
    await closed
  }
  expect(
    (
      await good.emit('progress', {
        assignmentId: 'x',
        phase: 'train',
        step: 2,
        steps: 3,
        loss: null,
        tokensPerSecond: null,
      })
    ).ok,
  ).toBe(true)
  expect((await fleet.api('GET', '/healthz')).status).toBe(200)
})

test('the newest connection of an identity wins', async () => {
  await using fleet = await startFleet()
  const first = await startAgent(fleet, 'oslo')
  const gone = new Promise((resolve) => first.socket.once('disconnect', resolve))
  const second = await startAgent(fleet, 'oslo', {}, first.identity)
  expect(await gone).toBe('io server disconnect')
  const { agents } = (await fleet.api('GET', '/api/v1/agents')).body as {
    agents: { name: string; state: string }[]
  }
  expect(agents.map(({ name, state }) => [name, state])).toEqual([['oslo', 'connected']])
  expect(second.socket.connected).toBe(true)
})

test('a connection without a valid proof is refused before it exists', async () => {
  await using fleet = await startFleet()
  const member = await enrol(fleet, 'oslo')
  await expect(open(fleet, createIdentity())).rejects.toThrow('websocket error')
  await expect(open(fleet, member, { 'x-lorica-signature': 'A'.repeat(86) })).rejects.toThrow(
    'websocket error',
  )
  await expect(open(fleet, member, { 'x-lorica-nonce': 'made-up-nonce-of-mine' })).rejects.toThrow(
    'websocket error',
  )
  const { url } = fleet.coordinator()
  const polling = await fetch(`${url}/fleet/?EIO=4&transport=polling`)
  expect(polling.status).toBeGreaterThanOrEqual(400)
})

test('joining needs a token of this coordinator and a signature by the key', async () => {
  await using fleet = await startFleet()
  const identity = createIdentity()
  const link = parseJoinLink(fleet.coordinator().join)
  const { coordinatorId } = fleet.coordinator()
  const signature = signText(identity, joinText(coordinatorId, 'oslo', link.secretSha256))
  const request = { token: link.token, name: 'oslo', labels: {}, publicKey: identity.publicKey, signature }
  const join = async (changes: object) =>
    (await fleet.api('POST', '/api/v1/agents/join', { ...request, ...changes })).body as { code?: string }
  expect((await join({ token: createToken(identity.publicKey) })).code).toBe('LRC-2002')
  expect((await join({ token: `${link.token}x` })).code).toBe('LRC-2001')
  expect((await join({ name: 'turin' })).code).toBe('LRC-2004')
  expect((await join({ publicKey: createIdentity().publicKey })).code).toBe('LRC-2004')
  expect((await join({ name: 'a\nb' })).code).toBe('LRC-1007')
  expect((await join({})).code).toBeUndefined()
})

test('a revoked agent is disconnected and cannot come back', async () => {
  await using fleet = await startFleet()
  const agent = await startAgent(fleet, 'oslo')
  const gone = new Promise((resolve) => agent.socket.once('disconnect', resolve))
  const { agents } = (await fleet.api('GET', '/api/v1/agents')).body as { agents: { agentId: string }[] }
  expect((await fleet.api('POST', `/api/v1/agents/${agents[0]?.agentId}/revoke`)).status).toBe(200)
  await gone
  await expect(open(fleet, agent.identity)).rejects.toThrow('websocket error')
})

test('errors of the operators API are problem documents with a code', async () => {
  await using fleet = await startFleet()
  const { url } = fleet.coordinator()
  const bare = await fetch(`${url}/api/v1/runs`)
  expect([bare.status, bare.headers.get('content-type')?.split(';')[0]]).toEqual([
    401,
    'application/problem+json',
  ])
  expect(await bare.json()).toMatchObject({ code: 'LRC-2007', type: 'https://lorica.dev/errors/LRC-2007' })
  expect((await fleet.api('GET', '/api/v1/nothing')).body).toMatchObject({ code: 'LRC-3010', status: 404 })
  expect((await fleet.api('GET', '/api/v1/runs/none')).body).toMatchObject({ code: 'LRC-3004', status: 404 })
  expect((await fleet.api('GET', '/api/v1/releases/v9')).body).toMatchObject({
    code: 'LRC-3007',
    status: 404,
  })
  expect((await fleet.api('GET', `/api/v1/blobs/${'ab'.repeat(32)}`)).body).toMatchObject({
    code: 'LRC-3008',
    status: 404,
  })
  expect((await fleet.api('POST', '/api/v1/runs', { name: 'x' })).body).toMatchObject({ code: 'LRC-3001' })
  await expect(fleet.startRun({ rollout: { groups: [1] } })).rejects.toThrow('LRC-3001')
  const personal = { strategy: 'fedavg', personal: ['lora_A'] }
  await expect(fleet.startRun({ rollout: {}, aggregate: personal })).rejects.toThrow('LRC-3021')
  const unknownHook = { rollout: { webhooks: [{ hook: 'ci', gate: 'before-group' }] } }
  await expect(fleet.startRun(unknownHook)).rejects.toThrow('LRC-3020')
  await expect(fleet.startRun({ base: { model: '/no/such/model' } })).rejects.toThrow('LRC-3003')
  const broken = await fetch(`${url}/api/v1/agents/join`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"token":',
  })
  expect(await broken.json()).toMatchObject({ code: 'LRC-1007', status: 400 })
})
