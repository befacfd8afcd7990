import { LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Alarms } from '../fleet/alarms.js'
import type { Member } from '../fleet/roster.js'
import type { Log } from '../log.js'
import type { AgentSocket } from './agent-socket.js'
import { evict } from './eviction.js'

/** The open connections of agents: one for each identity, of which the newest wins. */
export interface Connections {
  /** Takes a connection whose agent has proven its key. */
  accept(socket: AgentSocket, member: Member): void
  /** Closes the connection of an agent, if there is one. */
  disconnect(agentId: string): void
}

export interface ConnectionParts {
  readonly log: Log
  readonly clock: Clock
  readonly alarms: Alarms
  /** Attaches the messages of an agent to its socket. */
  readonly serve: (socket: AgentSocket, member: Member) => void
}

/** No connections yet. */
export function createConnections({ log, clock, alarms, serve }: ConnectionParts): Connections {
  const sockets = new Map<string, AgentSocket>()
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
      socket.on('error', (error: Error) => {
        const code = error instanceof LoricaError ? error.code : 'LRC-1006'
        log('connection-broken', { agent: agentId, code })
      })
      socket.on('disconnect', (reason: string) => {
        if (sockets.get(agentId) === socket) sockets.delete(agentId)
        log('agent-disconnected', { agent: agentId, name, why: reason })
      })
      serve(socket, member)
    },
    disconnect(agentId) {
      const socket = sockets.get(agentId)
      if (socket !== undefined) void evict(socket, clock)
    },
  }
}
