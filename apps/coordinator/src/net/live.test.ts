import {
  LIVE_NAMESPACE,
  LIVE_PATH,
  LIVE_PROTOCOL,
  type LiveEvent,
  liveEventSchema,
  TOKEN_PROTOCOL,
} from '@lorica/protocol'
import { io, type Socket } from 'socket.io-client'
import { afterEach, expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.disconnect()
})

/** Looks on as a browser does: the token is in the protocols of the WebSocket. */
function lookOn(fleet: Fleet, auth: object = {}, token = fleet.coordinator().adminToken) {
  const socket = io(`${fleet.coordinator().url}${LIVE_NAMESPACE}`, {
    ...{ path: LIVE_PATH, transports: ['websocket'], addTrailingSlash: false, forceNew: true, auth },
    protocols: [LIVE_PROTOCOL, `${TOKEN_PROTOCOL}${token}`],
  })
  open.push(socket)
  const events: LiveEvent[] = []
  const gaps: unknown[] = []
  let readySeq = -1
  socket.on('event', (event: LiveEvent) => events.push(event))
  socket.on('gap', (gap: unknown) => gaps.push(gap))
  socket.on('ready', ({ seq }: { seq: number }) => {
    readySeq = seq
  })
  return { socket, events, gaps, readySeq: () => readySeq, types: () => events.map(({ type }) => type) }
}

test('an operator who looks on is told of the fleet, its runs and releases, and nothing secret', async () => {
  await using fleet = await startFleet()
  const { events, types, readySeq } = lookOn(fleet)
  await until(() => readySeq() >= 0)
  await startAgent(fleet, 'graz', { delta: 2 })
  await startAgent(fleet, 'oslo', { delta: 4 })
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
  await until(() => types().includes('run-ended'))
  await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'viewer' })
  await fleet.api('POST', '/api/v1/aliases/champion', { release: 'v1' })
  await until(() => types().includes('champion-targeted'))
  for (const event of events) expect(liveEventSchema.parse(event)).toEqual(event)
  expect(types().filter((type) => type === 'agent-connected').length).toBe(2)
  const kept = types().filter(
    (type) => !['progress', 'evaluation-received', 'agent-connected'].includes(type),
  )
  expect(kept).toEqual([
    ...['agent-joined', 'agent-joined', 'run-created', 'baseline-evaluated', 'round-planned'],
    ...['update-accepted', 'update-accepted', 'round-aggregated', 'round-committed', 'final-evaluated'],
    ...['run-ended', 'alias-moved', 'champion-targeted'],
  ])
  expect(events.at(-2)).toMatchObject({ alias: 'champion', release: 'v1' })
  expect(JSON.stringify(events)).not.toMatch(/secretSha256|tokenSha256|publicKey|"ada"/)
  expect(events.filter((event) => 'runId' in event && event.runId === runId).length).toBeGreaterThan(7)
})

test('it goes on behind the last event that is known, also after a restart; of one run alone if that is wanted', async () => {
  await using fleet = await startFleet()
  await startAgent(fleet, 'graz', { delta: 2 })
  await startAgent(fleet, 'oslo', { delta: 4 })
  const runId = await fleet.startRun({ rounds: { count: 1, minimum: 2 } })
  await fleet.event(runId, 'run-ended')
  const all = lookOn(fleet, { after: 0 })
  await until(() => all.types().includes('run-ended'))
  const kept = [...all.events]
  const seqs = kept.map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  const middle = kept[4]?.seq ?? 0
  await fleet.restart()
  const later = lookOn(fleet, { after: middle })
  await until(() => later.types().includes('run-ended') && later.types().includes('coordinator-started'))
  expect(later.events.slice(0, kept.length - 5)).toEqual(kept.slice(5))
  const ofRun = lookOn(fleet, { after: 0, run: runId })
  await until(() => ofRun.types().includes('run-ended'))
  expect(ofRun.events.every((event) => 'runId' in event && event.runId === runId)).toBe(true)
  const ahead = lookOn(fleet, { after: 1_000_000 })
  await until(() => ahead.gaps.length === 1)
  expect(ahead.gaps[0]).toMatchObject({ from: 1_000_000 })
})

test('nobody looks on without the token of an operator, nor after it was taken away, nor says anything', async () => {
  await using fleet = await startFleet()
  const stranger = lookOn(fleet, {}, 'x'.repeat(43))
  const why = await new Promise<Error>((resolve) => stranger.socket.on('connect_error', resolve))
  expect(why.message).toBe('websocket error')
  stranger.socket.disconnect()
  const { token } = (await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'viewer' })).body as {
    token: string
  }
  const ada = lookOn(fleet, {}, token)
  await until(() => ada.readySeq() >= 0)
  const talker = lookOn(fleet)
  await until(() => talker.readySeq() >= 0)
  talker.socket.emit('cancel', { run: 'tone' })
  await until(() => fleet.logged('watcher-dropped').length === 1)
  talker.socket.disconnect()
  await fleet.api('POST', '/api/v1/operators/ada/remove')
  await startAgent(fleet, 'graz', { delta: 2 })
  await until(() => fleet.logged('watcher-dropped').length === 2)
  expect(ada.events).toEqual([])
  expect(fleet.logged('watcher-dropped').map(({ code }) => code)).toEqual(['LRC-1011', 'LRC-2007'])
})
