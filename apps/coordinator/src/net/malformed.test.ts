import { connect } from 'node:net'
import { encodePacket, type Identity, limits } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { enrol, proofOf, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet, until } from '../fleet.fixture.js'

/** A WebSocket frame of fewer than 126 bytes under a mask of zeros, unless it is said to be larger. */
function frameOf(
  payload: Uint8Array,
  { opcode = 2, isMasked = true, claimedBytes = payload.byteLength } = {},
) {
  const mask = isMasked ? 0x80 : 0
  const long = Buffer.alloc(8)
  long.writeBigUInt64BE(BigInt(claimedBytes))
  const length =
    claimedBytes < 126 ? Buffer.of(mask | claimedBytes) : Buffer.concat([Buffer.of(mask | 127), long])
  return Buffer.concat([Buffer.of(0x80 | opcode), length, Buffer.alloc(isMasked ? 4 : 0), payload])
}

const upgrade = {
  Host: 'coordinator',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': `${'A'.repeat(22)}==`,
}

function requestOf(
  headers: Readonly<Record<string, string>>,
  path = '/fleet?EIO=4&transport=websocket',
): string {
  const lines = Object.entries({ ...upgrade, ...headers }).map(([name, value]) => `${name}: ${value}`)
  return `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** A TCP connection to the coordinator that reads everything, answers nothing and never hangs up. */
function dial(fleet: Fleet) {
  const socket = connect({ port: Number(new URL(fleet.coordinator().url).port), allowHalfOpen: true })
  let text = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  return { socket, read: () => text, isClosed: () => socket.destroyed || socket.readableEnded }
}

/** A connection that has joined the namespace. */
async function join(fleet: Fleet, identity: Identity) {
  const connection = dial(fleet)
  connection.socket.write(requestOf(await proofOf(fleet, identity)))
  await until(() => connection.read().includes('101 Switching'))
  connection.socket.write(frameOf(encodePacket({ type: 0, nsp: '/' })))
  await until(() => connection.read().includes('sid"') && connection.read().includes('\x94\x00'))
  return connection
}

test.each([
  ['what is no HTTP', 'lorem ipsum\r\n\r\n', 400, 'LRC-1007'],
  [
    'two lengths',
    'POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n',
    400,
    'LRC-1007',
  ],
  ['a path that is none', 'GET /%zz HTTP/1.1\r\nHost: c\r\n\r\n', 400, 'LRC-1007'],
  ['headers that are too long', `GET / HTTP/1.1\r\nX-A: ${'a'.repeat(9000)}\r\n\r\n`, 431, 'LRC-1002'],
  [
    'a request of Engine.IO by polling',
    'GET /fleet/?EIO=4&transport=polling HTTP/1.1\r\nHost: c\r\n\r\n',
    404,
    'LRC-3010',
  ],
])('%s is answered with a code', async (_, request, status, code) => {
  await using fleet = await startFleet()
  const connection = dial(fleet)
  connection.socket.write(request)
  await until(() => connection.read().includes('"code"'))
  expect(connection.read()).toContain(`HTTP/1.1 ${status} `)
  expect(connection.read()).toContain(`"code":"${code}"`)
  connection.socket.destroy()
})

test('an upgrade of another form is refused with a code before a WebSocket exists, whatever it proves', async () => {
  await using fleet = await startFleet()
  const identity = await enrol(fleet, 'oslo')
  const answers: string[] = []
  for (const [changes, path] of [
    [{ Upgrade: 'h2c' }],
    [{ 'Sec-WebSocket-Version': '8' }],
    [{ 'Sec-WebSocket-Key': 'short' }],
    [{}, '/fleet?EIO=3&transport=websocket'],
    [{}, '/fleet?EIO=4&transport=polling'],
    [{}, '/fleet?EIO=4&transport=websocket&sid=abc'],
    [{}, '/fleets?EIO=4&transport=websocket'],
  ] as const) {
    const connection = dial(fleet)
    connection.socket.write(requestOf({ ...(await proofOf(fleet, identity)), ...changes }, path))
    await until(() => connection.isClosed())
    answers.push(`${connection.read().slice(9, 12)} ${/"code":"(.{8})"/.exec(connection.read())?.[1]}`)
    connection.socket.destroy()
  }
  expect(answers).toEqual([...new Array(6).fill('400 LRC-1007'), '404 LRC-3010'])
})

test('each rule of WebSocket that an agent breaks costs its connection, has a code, and is over soon even when it keeps silent', async () => {
  await using fleet = await startFleet()
  const identity = await enrol(fleet, 'oslo')
  const broken = {
    'no mask': [frameOf(new Uint8Array(3), { isMasked: false }), 'LRC-1013'],
    'an opcode that is reserved': [frameOf(new Uint8Array(3), { opcode: 11 }), 'LRC-1013'],
    'a frame that is too large': [
      frameOf(new Uint8Array(3), { claimedBytes: limits.frameBytes + 1 }),
      'LRC-1002',
    ],
    'a frame that is no packet': [frameOf(Uint8Array.of(0xc1)), 'LRC-1005'],
    'a heartbeat that is not its to send': [frameOf(Buffer.from('2'), { opcode: 1 }), 'LRC-1001'],
    'the namespace joined twice': [frameOf(encodePacket({ type: 0, nsp: '/' })), 'LRC-1006'],
    'an event that the library keeps to itself': [
      frameOf(encodePacket({ type: 2, nsp: '/', data: ['error', { code: 'LRC-0000' }] })),
      'LRC-1006',
    ],
  } as const
  for (const [what, [bytes, code]] of Object.entries(broken)) {
    const before = fleet.logged('agent-disconnected').length
    const connection = await join(fleet, identity)
    const startedMs = performance.now()
    connection.socket.write(bytes)
    await until(() => connection.isClosed())
    expect(performance.now() - startedMs, what).toBeLessThan(4500) // the library itself would wait for 30 s
    await until(() => fleet.logged('agent-disconnected').length > before)
    const lines = [...fleet.logged('connection-broken'), ...fleet.logged('agent-disconnected')]
    expect(
      lines.map((line) => line.code),
      what,
    ).toContain(code)
    connection.socket.destroy()
  }
})

test('an agent that leaves the namespace loses its connection, so that it cannot keep others than the one that counts', async () => {
  await using fleet = await startFleet()
  const identity = await enrol(fleet, 'oslo')
  const connection = await join(fleet, identity)
  connection.socket.write(frameOf(encodePacket({ type: 1, nsp: '/' })))
  await until(() => connection.isClosed())
  connection.socket.destroy()
  expect((await startAgent(fleet, 'oslo', {}, identity)).socket.connected).toBe(true)
})
