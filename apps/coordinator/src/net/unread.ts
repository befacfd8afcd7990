import type { AgentSocket } from './agent-socket.js'

const UNREAD_BYTES = 16 * 1024 * 1024
const UNREAD_FRAMES = 1024

interface Connection {
  readonly writeBuffer?: readonly { readonly data?: unknown }[] // of Engine.IO, which hands on one batch at a time
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } }
}

/** Whether more answers wait for an agent to read them than its connection is worth. */
export function isUnread(socket: Pick<AgentSocket, 'conn'>): boolean {
  const { writeBuffer = [], transport } = socket.conn as unknown as Connection
  if (writeBuffer.length > UNREAD_FRAMES) return true
  const waiting = writeBuffer.reduce((sum, { data }) => sum + sizeOf(data), 0)
  return waiting + (transport.socket?.bufferedAmount ?? 0) > UNREAD_BYTES
}

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length
  return data instanceof Uint8Array ? data.byteLength : 0
}
