import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { FLEET_PATH, LoricaError, refusalOf } from '@lorica/protocol'
import { retryAfterOf } from './doorway.js'

/** An upgrade of an HTTP connection to a WebSocket. */
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Puts a check before the WebSocket server that listens on `server`: an upgrade that `check` throws on is answered with 401, or
 * 429 when it came too often, and a refusal in JSON, before a socket, a parser or a timer exists for it.
 */
export function guardUpgrades(server: Server, check: (request: IncomingMessage) => void): void {
  const accepted = server.listeners('upgrade') as Upgrade[]
  server.removeAllListeners('upgrade')
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    try {
      const path = new URL(request.url ?? '/', 'http://coordinator').pathname.replace(/\/$/, '')
      if (path !== FLEET_PATH)
        throw new LoricaError('LRC-3010', `no WebSocket at ${path}`, { expected: FLEET_PATH })
      check(request)
    } catch (error) {
      refuse(socket, error)
      return
    }
    for (const accept of accepted) accept.call(server, request, socket, head)
  })
}

function refuse(socket: Duplex, error: unknown): void {
  const body = JSON.stringify(refusalOf(error))
  const retryAfter = retryAfterOf(error)
  const lines = [
    ...(retryAfter === undefined
      ? ['HTTP/1.1 401 Unauthorized']
      : ['HTTP/1.1 429 Too Many Requests', `Retry-After: ${retryAfter}`]),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
