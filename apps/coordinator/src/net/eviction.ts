import type { ErrorCode } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { AgentSocket } from './agent-socket.js'

const CLOSING_MS = 1000 // for the other side to agree that the connection ends

/** The part of a WebSocket that ends it. */
interface Ending {
  readonly readyState: number
  once(event: 'close', heard: (code: number) => void): void
  prependListener(event: 'error', heard: (error: Error & { readonly code?: string }) => void): void
  terminate(): void
}

const CLOSED = 3
const AGREED: readonly number[] = [1000, 1005] // codes of a close that the other side answered

/**
 * Ends a connection at once: its messages count no longer, and its TCP connection is gone after a second even when the peer keeps
 * silent. Resolves with whether the peer was there to agree.
 */
export function evict(socket: AgentSocket, clock: Clock): Promise<boolean> {
  const webSocket = webSocketOf(socket)
  socket.disconnect(true)
  socket.conn.close?.() // also when the agent itself has left the namespace, and only that
  if (webSocket === undefined || webSocket.readyState === CLOSED) return Promise.resolve(false)
  return new Promise((resolve) => {
    const cancel = clock.after(CLOSING_MS, () => webSocket.terminate())
    webSocket.once('close', (code) => {
      cancel()
      resolve(AGREED.includes(code))
    })
  })
}

/** Hears of every frame that breaks the rules of WebSocket itself, before the connection is told that it ends. */
export function onMisuse(socket: AgentSocket, heard: (code: ErrorCode) => void): void {
  webSocketOf(socket)?.prependListener('error', ({ code = '' }) => heard(misuses[code] ?? 'LRC-1013'))
}

const misuses: Readonly<Record<string, ErrorCode>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'LRC-1002',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'LRC-1002',
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'LRC-1003',
}

function webSocketOf(socket: AgentSocket): Ending | undefined {
  return (socket.conn.transport as { readonly socket?: Ending }).socket
}
