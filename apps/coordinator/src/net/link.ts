import type { Server as HttpServer, IncomingMessage } from 'node:http'
import { FLEET_PATH, LoricaError, limits, parser } from '@lorica/protocol'
import { Server } from 'socket.io'
import type { Clock } from '../clock.js'
import type { Member } from '../fleet/roster.js'
import type { Log } from '../log.js'
import type { Admission } from './admission.js'
import { BoundedServer, boundPings } from './bounded-server.js'
import type { Connections } from './connections.js'
import type { Doorway } from './doorway.js'
import type { Upgrades } from './upgrade.js'

/** The agents' side of the coordinator. */
export interface Link {
  /** Drops every connection without dismissing the agents, so that they come back; the HTTP server stays open. */
  close(): void
}

/** What the agents' side is made of. */
export interface LinkParts {
  readonly log: Log
  readonly clock: Clock
  readonly doorway: Doorway
  readonly admission: Admission
  readonly connections: Connections
}

/**
 * Listens for agents on the HTTP server that `upgrades` guards: WebSocket only, proven before the upgrade.
 */
export function openLink(server: HttpServer, upgrades: Upgrades, parts: LinkParts): Link {
  const { admission, clock, doorway } = parts
  const admitted = new WeakMap<IncomingMessage, Member>()
  const served = server.listeners('request') as ((...request: unknown[]) => void)[]
  const io = new Server(server, {
    path: FLEET_PATH,
    addTrailingSlash: false,
    transports: ['websocket'],
    allowUpgrades: false,
    serveClient: false,
    parser,
    wsEngine: BoundedServer,
    maxHttpBufferSize: limits.frameBytes,
    pingInterval: limits.pingIntervalMs,
    pingTimeout: limits.pingTimeoutMs,
    connectTimeout: 5000,
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (request, answer) => answer(null, admitted.has(request)),
  })
  server.removeAllListeners('request') // socket.io would answer those to its path, and there are none but upgrades
  for (const serve of served) server.on('request', serve)
  upgrades.guard(FLEET_PATH, (request) => {
    try {
      doorway.enter('upgrade', request.socket)
      admitted.set(request, admission.connect(request))
      doorway.proven(request.socket)
    } catch (error) {
      const code = error instanceof LoricaError ? error.code : 'LRC-9001'
      parts.log('connection-refused', { from: request.socket.remoteAddress ?? '', code })
      throw error
    }
  })
  io.engine.on('connection', (connection: { transport: unknown; request: IncomingMessage }) =>
    boundPings(connection, clock, () => {
      const agent = admitted.get(connection.request)?.agentId ?? ''
      parts.log('agent-dropped', { agent, code: 'LRC-1003' })
    }),
  )
  io.on('connection', (socket) => {
    const member = admitted.get(socket.request)
    if (member === undefined) socket.disconnect(true)
    else parts.connections.accept(socket, member)
  })
  return {
    close: () => {
      parts.connections.close()
      io.engine.close()
    },
  }
}
