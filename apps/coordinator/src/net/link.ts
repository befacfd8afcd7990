import type { Server as HttpServer, IncomingMessage } from 'node:http'
import {
  type AgentEvents,
  type CoordinatorEvents,
  FLEET_PATH,
  fitMessage,
  LoricaError,
  limits,
  parser,
} from '@lorica/protocol'
import { Server } from 'socket.io'
import type { Clock } from '../clock.js'
import type { Alarms } from '../fleet/alarms.js'
import type { Member, Presence } from '../fleet/roster.js'
import type { Log } from '../log.js'
import type { Admission } from './admission.js'
import type { AgentSocket } from './agent-socket.js'
import { BoundedServer, boundPings } from './bounded-server.js'
import type { Doorway } from './doorway.js'
import { evict } from './eviction.js'
import { guardUpgrades } from './upgrade.js'

/** The agents' side of the coordinator. */
export interface Link {
  /** Closes the connection of an agent, if there is one. */
  disconnect(agentId: string): void
  /** Drops every connection without dismissing the agents, so that they come back; the HTTP server stays open. */
  close(): void
}

/** What the agents' side is made of. */
export interface LinkParts {
  readonly log: Log
  readonly clock: Clock
  readonly alarms: Alarms
  readonly doorway: Doorway
  readonly admission: Admission
  readonly serve: (socket: AgentSocket, member: Member) => void
}

/**
 * Listens for agents on an HTTP server: WebSocket only, proven before the upgrade, one connection for each identity, of which the
 * newest wins. `serve` attaches the messages of an agent to its socket.
 */
export function openLink(server: HttpServer, parts: LinkParts): Link {
  const { admission, clock, doorway } = parts
  const admitted = new WeakMap<IncomingMessage, Member>()
  const sockets = new Map<string, AgentSocket>()
  const io = new Server<AgentEvents, CoordinatorEvents>(server, {
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
  guardUpgrades(server, (request) => {
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
  io.engine.on('connection', (connection: { transport: unknown }) => boundPings(connection, clock))
  io.on('connection', (socket) => {
    const member = admitted.get(socket.request)
    if (member === undefined) {
      socket.disconnect(true)
      return
    }
    const { agentId, name } = member
    const older = sockets.get(agentId)
    sockets.set(agentId, socket)
    if (older !== undefined) {
      parts.log('agent-replaced', { agent: agentId })
      const from = socket.handshake.address
      void evict(older, clock).then((wasThere) => {
        if (wasThere) parts.alarms.raise('duplicate-identity', agentId, `another connection from ${from}`)
      })
    }
    parts.log('agent-connected', { agent: agentId, name })
    socket.on('error', (error: Error) => {
      const code = error instanceof LoricaError ? error.code : 'LRC-1006'
      parts.log('connection-broken', { agent: agentId, code })
    })
    socket.on('disconnect', (reason) => {
      if (sockets.get(agentId) === socket) sockets.delete(agentId)
      parts.log('agent-disconnected', { agent: agentId, name, why: reason })
    })
    parts.serve(socket, member)
  })
  return {
    disconnect(agentId) {
      const socket = sockets.get(agentId)
      if (socket !== undefined) void evict(socket, clock)
    },
    close: () => {
      io.engine.close()
    },
  }
}

/** A presence whose sends go to `socket` and are answered before their deadline. */
export function presenceOf(
  socket: AgentSocket,
  member: Member,
  hello: Presence['hello'],
  read: Readers,
): Presence {
  const send = (name: keyof CoordinatorEvents, message: object) =>
    inTime(
      socket
        .timeout(limits.ackTimeoutMs)
        .emitWithAck(name, fitMessage(name, message, hello.protocol) as never),
    )
  const { agentId, name, labels } = member
  const inTime = async (sent: Promise<unknown>): Promise<unknown> => {
    try {
      return await sent
    } catch (cause) {
      throw new LoricaError('LRC-1009', `agent ${name} did not answer`, { cause })
    }
  }
  return {
    agentId,
    name,
    labels,
    hello,
    sendAssignment: async (assignment) => read.assignment(await send('assignment', assignment)),
    sendRelease: async (release) => read.release(await send('release', release)),
    sendRunEnded: async (ended) => read.runEnded(await send('run-ended', ended)),
  }
}

/** How the answers of an agent are checked. */
export interface Readers {
  assignment(reply: unknown): void
  release(reply: unknown): void
  runEnded(reply: unknown): void
}
