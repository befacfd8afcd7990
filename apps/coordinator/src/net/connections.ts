import { type ErrorCode, LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Alarms } from '../fleet/alarms.js'
import type { Member } from '../fleet/roster.js'
import type { Log } from '../log.js'
import type { AgentSocket } from './agent-socket.js'
import { evict, onMisuse } from './eviction.js'

/** The open connections of agents: one for each identity, of which the newest wins. */
export interface Connections {
  /** Takes a connection whose agent has proven its key. */
  accept(socket: AgentSocket, member: Member): void
  /** Closes the connection of an agent, if there is one. */
  disconnect(agentId: string): void
  /** From now on connections end because this coordinator does. */
  close(): void
}

export interface ConnectionParts {
  readonly log: Log
  readonly clock: Clock
  readonly alarms: Alarms
  /** Attaches the messages of an agent to its socket. */
  readonly serve: (socket: AgentSocket, member: Member) => void
}

/** The code of an end that is a refusal of the libraries below. */
function codeOfEnd(reason: string, description: unknown): ErrorCode | undefined {
  switch (reason) {
    case 'ping timeout':
      return 'LRC-1009'
    case 'parse error':
      return 'LRC-1001'
    case 'transport error': // or a write that failed because the peer is gone
      return String(description).includes('heartbeat') ? 'LRC-1001' : undefined
    case 'forced close': // a packet that does not belong there, such as a second connect
      return 'LRC-1006'
    default:
      return undefined
  }
}

/** No connections yet. */
export function createConnections({ log, clock, alarms, serve }: ConnectionParts): Connections {
  const sockets = new Map<string, AgentSocket>()
  let isClosing = false
  return {
    accept(socket, member) {
      const { agentId, name } = member
      const older = sockets.get(agentId)
      sockets.set(agentId, socket)
      if (older !== undefined) {
        log('agent-replaced', { agent: agentId })
        const from = socket.handshake.address
        void evict(older, clock).then((wasThere) => {
          if (wasThere) alarms.raise('duplicate-identity', agentId, `another connection from ${from}`)
        })
      }
      log('agent-connected', { agent: agentId, name })
      const broken = (code: ErrorCode): void => {
        log('connection-broken', { agent: agentId, code })
        void evict(socket, clock)
      }
      onMisuse(socket, broken)
      socket.on('error', (error: Error) => broken(error instanceof LoricaError ? error.code : 'LRC-1006'))
      socket.on('disconnect', (reason: string, description?: unknown) => {
        if (sockets.get(agentId) === socket) sockets.delete(agentId)
        const code = isClosing ? undefined : codeOfEnd(reason, description)
        log('agent-disconnected', {
          ...{ agent: agentId, name, why: reason },
          ...(code === undefined ? {} : { code }),
        })
        void evict(socket, clock) // what is left of it would count nowhere
      })
      serve(socket, member)
    },
    disconnect(agentId) {
      const socket = sockets.get(agentId)
      if (socket !== undefined) void evict(socket, clock)
    },
    close() {
      isClosing = true
    },
  }
}
