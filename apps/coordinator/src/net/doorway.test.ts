import { connect, type Socket } from 'node:net'
import { createIdentity, createToken, joinText, parseJoinLink, signText } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { enrol, open, proofOf, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const door = { connections: 6, perSecond: 0.001, burst: 9 }

function dial(fleet: Fleet): Socket {
  const socket = connect(Number(new URL(fleet.coordinator().url).port), '127.0.0.1')
  socket.on('error', () => {})
  return socket
}

test('an address has few connections that prove nothing, agents do not count, and the others go on', async () => {
  await using fleet = await startFleet(undefined, { door })
  const oslo = await startAgent(fleet, 'oslo')
  const sockets = Array.from({ length: 40 }, () => dial(fleet))
  await until(() => sockets.filter(({ destroyed }) => destroyed).length >= 34)
  expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(6)
  expect(
    (
      await oslo.emit('progress', {
        assignmentId: 'none',
        phase: 'train',
        step: 1,
        steps: 2,
        loss: null,
        tokensPerSecond: null,
      })
    ).ok,
  ).toBe(true)
  for (const socket of sockets) socket.destroy()
  const turin = await startAgent(fleet, 'turin')
  expect(turin.socket.connected).toBe(true)
})

test('challenges beyond the allowance are answered with 429, a code and when to come back', async () => {
  await using fleet = await startFleet(undefined, { door })
  const { url } = fleet.coordinator()
  const answers = []
  for (let times = 0; times < 11; times++) {
    answers.push(
      await fetch(`${url}/api/v1/agents/challenge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ publicKey: createIdentity().publicKey }),
      }),
    )
  }
  expect(answers.map(({ status }) => status)).toEqual([...Array(9).fill(200), 429, 429])
  expect(Number(answers[9]?.headers.get('retry-after'))).toBeGreaterThan(900)
  expect(await answers[9]?.json()).toMatchObject({ code: 'LRC-2017', status: 429 })
})

test('upgrades beyond the allowance are refused before their proof is looked at', async () => {
  await using fleet = await startFleet(undefined, { door })
  const statuses: string[] = []
  for (let times = 0; times < 11; times++) {
    const socket = dial(fleet)
    socket.write(
      `GET /fleet?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
    )
    statuses.push(
      await new Promise<string>((resolve) =>
        socket.once('data', (bytes) => resolve(bytes.toString('latin1').slice(9, 12))),
      ),
    )
    socket.destroy()
  }
  expect(statuses).toEqual([...Array(9).fill('401'), '429', '429'])
})

test('guessing join tokens is slowed down, and leaves one line in the journal', async () => {
  await using fleet = await startFleet()
  const link = parseJoinLink(fleet.coordinator().join)
  const codes: string[] = []
  for (let times = 0; times < 9; times++) {
    const { publicKey, ...identity } = createIdentity()
    const token = createToken(publicKey)
    const signature = signText(
      { publicKey, ...identity },
      joinText('c'.repeat(32), 'oslo', link.secretSha256),
    )
    const { body } = await fleet.api('POST', '/api/v1/agents/join', {
      token,
      name: 'oslo',
      labels: {},
      publicKey,
      signature,
    })
    codes.push((body as { code: string }).code)
  }
  expect(codes).toEqual([...Array(6).fill('LRC-2002'), ...Array(3).fill('LRC-2017')])
  expect(fleet.logged('alarm')).toMatchObject([
    { kind: 'secret-guessing', subject: '127.0.0.1', detail: 'LRC-2002', count: 1 },
  ])
  await expect(enrol(fleet, 'oslo')).rejects.toMatchObject({ code: 'LRC-2017' })
})

test('headers and bodies that are too long are refused', async () => {
  await using fleet = await startFleet()
  const long = dial(fleet)
  let answer = ''
  long.on('data', (bytes) => {
    answer += bytes.toString('latin1')
  })
  long.write(`GET / HTTP/1.1\r\nX-A: ${'a'.repeat(9000)}`)
  await until(() => long.destroyed || answer !== '')
  expect(answer).toMatch(/^HTTP\/1.1 431 [\s\S]*"code":"LRC-1002"/)
  const { status } = await fleet.api('POST', '/api/v1/agents/challenge', { publicKey: 'x'.repeat(5000) })
  expect(status).toBe(413)
})

test('fragments and pings without end cost the connection that sends them', async () => {
  await using fleet = await startFleet()
  const identity = await enrol(fleet, 'oslo')
  for (const flood of [
    (socket: WebSocket) => {
      for (let part = 0; part < 200 && socket.readyState === WebSocket.OPEN; part++)
        socket.send('a', { fin: false })
    },
    (socket: WebSocket) => {
      for (let times = 0; times < 200 && socket.readyState === WebSocket.OPEN; times++) socket.ping()
    },
  ]) {
    const agent = await open(fleet, identity)
    const { ws } = agent.io.engine.transport as unknown as { ws: WebSocket }
    const gone = new Promise((resolve) => agent.once('disconnect', resolve))
    flood(ws)
    await gone
  }
  await until(() => fleet.logged('agent-dropped').length > 0)
  expect(fleet.logged('connection-broken')).toMatchObject([{ agent: identity.id, code: 'LRC-1003' }])
  expect(fleet.logged('agent-dropped')).toMatchObject([{ agent: identity.id, code: 'LRC-1003' }])
  expect((await startAgent(fleet, 'turin')).socket.connected).toBe(true)
})

test('the newest of two connections with one key wins; the other was alive, which is an alarm', async () => {
  await using fleet = await startFleet()
  const first = await startAgent(fleet, 'oslo')
  const gone = new Promise((resolve) => first.socket.once('disconnect', resolve))
  const second = await startAgent(fleet, 'oslo', {}, first.identity)
  await gone
  expect(second.socket.connected).toBe(true)
  await until(() => fleet.logged('alarm').length > 0)
  expect(fleet.logged('alarm')).toMatchObject([
    { kind: 'duplicate-identity', subject: first.identity.id, count: 1 },
  ])
  const { agents } = (await fleet.api('GET', '/api/v1/agents')).body as { agents: { alarm: unknown }[] }
  expect(agents[0]?.alarm).toMatchObject({
    kind: 'duplicate-identity',
    detail: 'another connection from 127.0.0.1',
  })
})

test('a proof that was captured is worth nothing', async () => {
  await using fleet = await startFleet()
  const identity = await enrol(fleet, 'oslo')
  const { url } = fleet.coordinator()
  const headers = await proofOf(fleet, identity)
  const upgrade = () =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/fleet?EIO=4&transport=websocket`, {
        headers,
      })
      socket.once('open', () => resolve('open'))
      socket.once('unexpected-response', (_request, response) => {
        response.once('data', (bytes: Buffer) =>
          resolve((JSON.parse(String(bytes)) as { code: string }).code),
        )
      })
    })
  expect([await upgrade(), await upgrade()]).toEqual(['open', 'LRC-2005'])
})
