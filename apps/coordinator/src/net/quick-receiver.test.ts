import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { BoundedServer } from './bounded-server.js'
import { quicken } from './quick-receiver.js'
import { unmask } from './unmask.js'

describe('unmask', () => {
  test('the example of RFC 6455, section 5.7', () => {
    const bytes = Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58)
    unmask(bytes, Uint8Array.of(0x37, 0xfa, 0x21, 0x3d))
    expect(Buffer.from(bytes).toString('utf8')).toBe('Hello')
  })

  test('is what byte by byte gives, wherever the payload begins and ends', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 90 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.nat({ max: 7 }),
        (payload, mask, offset) => {
          const place = new Uint8Array(offset + payload.length + 5).fill(9)
          place.set(payload, offset)
          unmask(place.subarray(offset, offset + payload.length), mask)
          const wanted = payload.map((byte, index) => byte ^ mask[index % 4]!)
          expect([...place]).toEqual([...new Array(offset).fill(9), ...wanted, 9, 9, 9, 9, 9])
        },
      ),
    )
  })
})

describe('quicken', () => {
  test('the library is as it expects', async () => {
    await using server = await listen(new WebSocketServer({ port: 0, host: '127.0.0.1' }))
    const accepted = once(server.server, 'connection')
    const peer = new WebSocket(server.url)
    const [[connection]] = (await Promise.all([accepted, once(peer, 'open')])) as unknown as [[WebSocket]]
    expect(quicken(connection)).toBe(true)
    peer.terminate()
  })

  test('payloads of every length arrive as they were sent, in order, in frames that the network cuts anywhere', async () => {
    await using server = await listen(new BoundedServer({ port: 0, host: '127.0.0.1', maxPayload: 524_288 }))
    const sizes = [0, 1, 125, 126, 1023, 1024, 1025, 65_535, 65_536, 262_144, 262_243, 524_288, 3]
    const sent = sizes.map((size) => randomBytes(size))
    const received: Buffer[] = []
    const all = new Promise<void>((resolve) => {
      server.server.on('connection', (connection) => {
        connection.on('message', (bytes: Buffer) => {
          received.push(bytes)
          if (received.length === sizes.length) resolve()
        })
      })
    })
    const proxy = await cuttingProxy(server.port, 7001)
    const peer = new WebSocket(`ws://127.0.0.1:${proxy.port}`)
    await once(peer, 'open')
    for (const bytes of sent) peer.send(bytes)
    await all
    expect(received.map((bytes, index) => bytes.equals(sent[index]!))).toEqual(sizes.map(() => true))
    peer.terminate()
    proxy.close()
  })

  test('a message in several frames is put together', async () => {
    await using server = await listen(new BoundedServer({ port: 0, host: '127.0.0.1' }))
    const heard = new Promise<Buffer>((resolve) =>
      server.server.on('connection', (connection) => connection.on('message', resolve)),
    )
    const peer = new WebSocket(server.url)
    await once(peer, 'open')
    const [head, tail] = [randomBytes(5000), randomBytes(3001)]
    peer.send(head, { fin: false })
    peer.send(tail, { fin: true })
    expect((await heard).equals(Buffer.concat([head, tail]))).toBe(true)
    peer.terminate()
  })
})

async function listen(server: WebSocketServer) {
  if (server.address() === null) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `ws://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** Hands bytes on in pieces of `size`, each a read of its own at the other end. */
async function cuttingProxy(target: number, size: number) {
  const server = createServer((from) => {
    const to = connect(target, '127.0.0.1').setNoDelay()
    to.pipe(from)
    const cut = async function* (bytes: AsyncIterable<Buffer>) {
      for await (const part of bytes) {
        for (let at = 0; at < part.length; at += size) {
          yield part.subarray(at, at + size)
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    }
    pipeline(from, cut, to).catch(() => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}
