import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket as TcpSocket } from 'node:net'
import { LIVE_NAMESPACE, LIVE_PATH, type LiveEvent } from '@lorica/protocol'
import { io } from 'socket.io-client'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import { until } from '../fleet.fixture.js'
import { createLiveFeed } from '../watching/live-feed.js'
import { openLive } from './live.js'
import { openUpgrades } from './upgrade.js'

const EVENTS = 1500
const DETAIL = 'x'.repeat(32 * 1024) // 48 MB of events in all: more than the network holds for a reader
const MOST_UNREAD_BYTES = 1024 * 1024 + 2 * DETAIL.length // what may wait, and the event that went over it

test('of a reader that stops reading a bounded part waits in memory; it is dropped with a code, and goes on behind the last event that it knows', async () => {
  const server = createServer()
  const connections: TcpSocket[] = []
  server.on('connection', (connection) => connections.push(connection))
  const dropped: unknown[] = []
  const feed = createLiveFeed()
  let passedMs = 0
  const clock = { ...systemClock(), monotonicMs: () => performance.now() + passedMs }
  const live = openLive(server, openUpgrades(server), {
    ...{ feed, clock, doorway: { enter: () => {} } },
    log: (event, fields) => void (event === 'watcher-dropped' && dropped.push(fields?.code)),
    bearers: {
      adminToken: 'secret',
      doorway: { proven: () => {}, wrong: () => {} },
      ledger: { operators: () => [] },
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const lookOn = () => {
    const seqs: number[] = []
    const socket = io(`http://127.0.0.1:${port}${LIVE_NAMESPACE}`, {
      ...{ path: LIVE_PATH, transports: ['websocket'], addTrailingSlash: false, forceNew: true },
      ...{ extraHeaders: { authorization: 'Bearer secret' }, reconnectionDelay: 10 },
      auth: (tell) => tell({ after: seqs.at(-1) ?? 0 }),
    })
    socket.on('event', ({ seq }: LiveEvent) => seqs.push(seq))
    return { socket, seqs, isReady: new Promise((resolve) => socket.once('ready', resolve)) }
  }
  const patient = lookOn()
  await patient.isReady
  const stalled = lookOn()
  await stalled.isReady
  const { transport } = stalled.socket.io.engine as unknown as {
    transport: { ws: { pause(): void; resume(): void } }
  }
  try {
    transport.ws.pause()
    for (let seq = 1; seq <= EVENTS; seq++)
      feed.show(
        {
          ...{
            seq,
            at: '2026-01-01T00:00:00.000Z',
            type: 'alarm',
            kind: 'test',
            subject: 's',
            detail: DETAIL,
          },
          count: 1,
        },
        true,
      )
    await until(() => patient.seqs.length === EVENTS)
    expect(live.unreadBytes()).toBeGreaterThan(1024 * 1024)
    expect(live.unreadBytes()).toBeLessThan(MOST_UNREAD_BYTES)
    expect(connections[1]?.writableLength).toBeLessThan(MOST_UNREAD_BYTES)
    expect(stalled.seqs.length).toBeLessThan(EVENTS)

    expect(dropped).toEqual([])
    passedMs = 31_000
    await until(() => connections[1]?.destroyed === true)
    expect(dropped).toEqual(['LRC-1009'])
    transport.ws.resume()
    await until(() => stalled.seqs.length >= EVENTS)
    expect(stalled.seqs).toEqual(Array.from({ length: EVENTS }, (_, at) => at + 1))
    expect(live.count()).toBe(2)
  } finally {
    patient.socket.disconnect()
    stalled.socket.disconnect()
    live.close()
    server.close()
  }
})
