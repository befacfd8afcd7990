import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { LoricaError, problemOf, refusalOf } from '@lorica/protocol'
import { retryAfterOf } from './doorway.js'

/** An upgrade of an HTTP connection to a WebSocket. */
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Who may upgrade an HTTP connection to a WebSocket, by its path. */
export interface Upgrades {
  /**
   * Puts a check before the WebSocket server that has just begun to listen: an upgrade that is not as the protocol has it, or that
   * `check` throws on, is answered with a refusal in JSON, before a socket, a parser or a timer exists for it.
   */
  guard(path: string, check: (request: IncomingMessage) => void): void
}

/** No path may be upgraded yet. */
export function openUpgrades(server: Server): Upgrades {
  const doors = new Map<
    string,
    { readonly check: (request: IncomingMessage) => void; readonly accept: Upgrade[] }
  >()
  const enter: Upgrade = (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const door = doors.get(pathOf(request))
    try {
      expectForm(request, [...doors.keys()])
      door?.check(request)
    } catch (error) {
      refuse(socket, error)
      return
    }
    for (const accept of door?.accept ?? []) accept.call(server, request, socket, head)
  }
  server.on('upgrade', enter)
  return {
    guard(path, check) {
      const accept = (server.listeners('upgrade') as Upgrade[]).filter((listener) => listener !== enter)
      for (const listener of accept) server.removeListener('upgrade', listener)
      doors.set(path, { check, accept })
    },
  }
}

const pathOf = ({ url = '/' }: IncomingMessage): string => (url.split('?')[0] ?? '').replace(/\/$/, '')

/** Throws LoricaError LRC-3010 for another address, LRC-1007 for an upgrade of another form. */
function expectForm(request: IncomingMessage, paths: readonly string[]): void {
  const { url = '/', method, headers } = request
  const path = pathOf(request)
  if (!paths.includes(path))
    throw new LoricaError('LRC-3010', `no WebSocket at ${path.slice(0, 200)}`, {
      expected: paths.join(' or '),
    })
  const asked = new URLSearchParams(url.split('?')[1] ?? '')
  const key = headers['sec-websocket-key'] ?? ''
  expectPart('the method', 'GET', method ?? '')
  expectPart('EIO', '4', asked.get('EIO') ?? '')
  expectPart('transport', 'websocket', asked.get('transport') ?? '')
  expectPart('sid', 'none', asked.get('sid') ?? 'none') // a connection goes on nowhere else
  expectPart('upgrade', 'websocket', (headers.upgrade ?? '').toLowerCase())
  expectPart('sec-websocket-version', '13', headers['sec-websocket-version'] ?? '')
  expectPart(
    'sec-websocket-key',
    '16 bytes in base64',
    /^[+/0-9A-Za-z]{22}==$/.test(key) ? '16 bytes in base64' : key,
  )
}

function expectPart(name: string, expected: string, received: string): void {
  if (received === expected) return
  const got = received.slice(0, 100)
  throw new LoricaError('LRC-1007', `upgrade: ${name} expected ${expected}, received "${got}"`, {
    expected,
    received: got,
  })
}

function refuse(socket: Duplex, error: unknown): void {
  const body = JSON.stringify(refusalOf(error))
  const retryAfter = retryAfterOf(error)
  const lines = [
    `HTTP/1.1 ${statusOf(error)}`,
    ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** Whoever does not prove who it is gets 401, whatever is wrong with its proof. */
function statusOf(error: unknown): string {
  const { code, status } = problemOf(error)
  if (status === 429) return '429 Too Many Requests'
  if (status === 404) return '404 Not Found'
  return code === 'LRC-1007' ? '400 Bad Request' : '401 Unauthorized'
}
