import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FLEET_PATH, LoricaError, parser, refusalOf } from '@lorica/protocol'
import { Server, type Socket } from 'socket.io'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { systemRandom } from '../random.js'
import { type LinkEvents, openLink } from './link.js'
import { postJson } from './post.js'
import { openSocket } from './socket.js'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

test('each connection carries a fresh proof and begins with hello', async () => {
  const coordinator = await startCoordinator()
  const agent = connect(coordinator.url)
  expect(await agent.link.ready()).toMatchObject({ limits: { chunkBytes: 1024, windowChunks: 5 } })
  coordinator.sockets[0]?.conn.close()
  await until(() => agent.log.length === 3)
  expect(coordinator.proofs).toEqual(['proof 1', 'proof 2'])
  expect(coordinator.hellos[1]).toMatchObject({ dataset: { documents: 4 } })
  expect(agent.log).toEqual(['connected', 'disconnected transport close', 'connected'])
})

test('a coordinator of version 1 is spoken to in version 1', async () => {
  const coordinator = await startCoordinator({ speaks: [1] })
  const agent = connect(coordinator.url)
  expect(await agent.link.ready()).toMatchObject({ protocol: 1 })
  expect(coordinator.hellos).toMatchObject([{ protocol: 2 }, { protocol: 1, dataset: { documents: 4 } }])
})

test('a coordinator with no version in common ends the link', async () => {
  const coordinator = await startCoordinator({ speaks: [3, 4] })
  const agent = connect(coordinator.url)
  await until(() => agent.log.length > 0)
  expect(agent.log.at(-1)).toBe('refused LRC-1008 not spoken')
  expect(coordinator.hellos).toMatchObject([{ protocol: 2 }, { protocol: 1 }])
})

test('a refusal in place of an upgrade ends the link with its code', async () => {
  const coordinator = await startCoordinator({
    refusal: new LoricaError('LRC-2011', 'this agent was revoked'),
  })
  const agent = connect(coordinator.url)
  await until(() => agent.log.length > 0)
  expect(agent.log).toEqual(['refused LRC-2011 this agent was revoked'])
})

test('a challenge that is used up is no reason to give up', async () => {
  const coordinator = await startCoordinator({ refusal: new LoricaError('LRC-2005', 'used up'), refusals: 2 })
  const agent = connect(coordinator.url)
  await agent.link.ready()
  expect(coordinator.proofs).toEqual(['proof 1', 'proof 2', 'proof 3'])
  expect(agent.log).toEqual(['connected'])
})

test('an agent that is dismissed comes back once, and gives up when it is dismissed again', async () => {
  const coordinator = await startCoordinator()
  const agent = connect(coordinator.url)
  await agent.link.ready()
  coordinator.sockets[0]?.disconnect(true)
  await until(() => coordinator.sockets.length === 2)
  coordinator.sockets[1]?.disconnect(true)
  await until(() => agent.log.some((line) => line.startsWith('refused')))
  expect(agent.log.at(-1)).toBe('refused LRC-2009 the coordinator ended the connection twice')
})

test('a connection that ends in the same moment as hello is answered was never one', async () => {
  const coordinator = await startCoordinator({ dismisses: true })
  const agent = connect(coordinator.url)
  await until(() => agent.log.some((line) => line.startsWith('refused')))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(coordinator.hellos).toHaveLength(2)
  expect(agent.log.at(-1)).toBe('refused LRC-2009 the coordinator ended the connection twice')
})

test('a message that is malformed is answered with a refusal and not handed on', async () => {
  const coordinator = await startCoordinator()
  const agent = connect(coordinator.url)
  await agent.link.ready()
  const reply = await coordinator.sockets[0]
    ?.timeout(1000)
    .emitWithAck('run-ended', { runId: 'r1', state: 'lost' })
  expect(reply).toMatchObject({ ok: false, refusal: { code: 'LRC-1007', received: '"lost"' } })
  const taken = await coordinator.sockets[0]
    ?.timeout(1000)
    .emitWithAck('run-ended', { runId: 'r1', state: 'failed' })
  expect(taken).toEqual({ ok: true })
  expect(agent.log).toEqual(['connected', 'run-ended r1 failed'])
})

test('a coordinator that is away is told once, however often the agent tries', async () => {
  const agent = connect('http://127.0.0.1:1')
  await new Promise((resolve) => setTimeout(resolve, 1500))
  expect(agent.log).toEqual(['disconnected no coordinator answers at http://127.0.0.1:1'])
})

test('a request without a connection fails as a lost link, and waiting for one can be given up', async () => {
  const agent = connect('http://127.0.0.1:1')
  await expect(agent.link.request('leave', {})).rejects.toMatchObject({ code: 'LRC-1009' })
  const stop = new AbortController()
  const waiting = agent.link.ready(stop.signal)
  stop.abort(new LoricaError('LRC-6010', 'told to stop'))
  await expect(waiting).rejects.toMatchObject({ code: 'LRC-6010' })
})

test('an address where nothing answers, and a problem document, are told apart', async () => {
  await expect(postJson('http://127.0.0.1:1', '/x', {}, '')).rejects.toMatchObject({ code: 'LRC-8002' })
  const coordinator = await startCoordinator()
  await expect(postJson(coordinator.url, '/x', {}, '')).rejects.toMatchObject({
    code: 'LRC-2003',
    message: 'too late',
  })
})

function connect(url: string) {
  const log: string[] = []
  const on: LinkEvents = {
    ...{ assignment: () => {}, release: () => {}, trust: () => {}, target: () => {}, summed: () => {} },
    runEnded: ({ runId, state }) => log.push(`run-ended ${runId} ${state}`),
    connected: () => log.push('connected'),
    disconnected: (reason) => log.push(`disconnected ${reason}`),
    refused: ({ code, message }) => log.push(`refused ${code} ${message}`),
  }
  let proofs = 0
  const link = openLink({
    pin: 'none: there is no TLS',
    ...{ clock: systemClock(), random: systemRandom(), openSocket },
    ...{ url, on },
    proof: async () => ({ 'x-lorica-agent': `proof ${++proofs}` }),
    hello: () => ({
      software: 'test',
      device: { kind: 'cpu', threads: 2, memoryBytes: 5 },
      dataset: { documents: 4 },
    }),
  })
  open.push(() => link.close())
  return { link, log }
}

interface Behaviour {
  readonly refusal?: LoricaError
  readonly refusals?: number
  /** Answers hello and ends the connection in the same breath. */
  readonly dismisses?: boolean
  /** Versions of the protocol. */
  readonly speaks?: readonly number[]
}

async function startCoordinator(behaviour: Behaviour = {}) {
  const { refusal, refusals = Number.POSITIVE_INFINITY, dismisses = false, speaks = [2] } = behaviour
  const proofs: unknown[] = []
  const hellos: unknown[] = []
  const sockets: Socket[] = []
  const http = createServer((_request, response) => {
    const problem = { type: 't', title: 't', status: 401, code: 'LRC-2003', detail: 'too late' }
    response.writeHead(401, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem))
  })
  const io = new Server(http, {
    path: FLEET_PATH,
    parser,
    transports: ['websocket'],
    addTrailingSlash: false,
  })
  const [accept] = http.listeners('upgrade')
  http.removeAllListeners('upgrade')
  http.on('upgrade', (request: IncomingMessage, socket, head) => {
    proofs.push(request.headers['x-lorica-agent'])
    if (refusal === undefined || proofs.length > refusals) return accept?.call(http, request, socket, head)
    const body = JSON.stringify(refusalOf(refusal))
    socket.end(
      `HTTP/1.1 401 Unauthorized\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  io.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('hello', (hello, answer) => {
      hellos.push(hello)
      const limits = { chunkBytes: 1024, windowChunks: 5 }
      const { protocol } = hello as { protocol: number }
      if (!speaks.includes(protocol)) {
        const spoken = speaks.join(' or ')
        const context = { expected: spoken, received: String(protocol) }
        answer({ ok: false, refusal: refusalOf(new LoricaError('LRC-1008', 'not spoken', context)) })
        return
      }
      answer({ ok: true, protocol, coordinatorId: 'c'.repeat(32), limits })
      if (dismisses) socket.disconnect(true)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  open.push(() => io.close())
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, proofs, hellos, sockets }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue() && tries < 500; tries++)
    await new Promise((resolve) => setTimeout(resolve, 10))
  expect(isTrue()).toBe(true)
}
