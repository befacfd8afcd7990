import type { AgentSocket } from './agent-socket.js'
import type { Valve } from './backpressure.js'

/** What is used of a connection of Engine.IO and of the WebSocket in it. */
interface Connection {
  readonly transport: { readonly socket?: { pause?(): void; resume?(): void } }
  onPacket?(packet: { readonly type: 'pong' }): void
}

/** The receiving half of the connection of an agent. One that is not a WebSocket cannot be closed, and is read on. */
export function valveOf(socket: AgentSocket): Valve {
  const connection = (): Connection => socket.conn as unknown as Connection
  return {
    close: () => connection().transport.socket?.pause?.(),
    open: () => connection().transport.socket?.resume?.(),
    keepAlive: () => connection().onPacket?.({ type: 'pong' }),
  }
}
