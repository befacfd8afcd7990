import type { AgentEvents, CoordinatorEvents } from '@lorica/protocol'
import type { Socket } from 'socket.io'

/** The socket of one agent. */
export type AgentSocket = Socket<AgentEvents, CoordinatorEvents>
