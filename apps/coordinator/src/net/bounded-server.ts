import { type ServerOptions, WebSocketServer } from 'ws'
import type { Clock } from '../clock.js'
import { createAllowance } from '../fleet/allowance.js'
import { quicken } from './quick-receiver.js'

const FRAGMENTS = 64 // of one message; the clients of this protocol send each message whole
const BUFFERED_CHUNKS = 4096 // reads of the network that make up one frame; of 576 bytes it takes 910
const PINGS = { perSecond: 1, burst: 10 } // of WebSocket itself; agents send none, a proxy may

/**
 * A WebSocket server that bounds what one peer can make it keep: fragments and buffered reads of a message. `maxPayload`, which
 * socket.io passes on, bounds its bytes. For the option `wsEngine` of socket.io.
 */
export class BoundedServer extends WebSocketServer {
  constructor(options?: ServerOptions) {
    super({ ...options, maxFragments: FRAGMENTS, maxBufferedChunks: BUFFERED_CHUNKS } as ServerOptions)
  }

  override handleUpgrade(
    ...[request, socket, head, accept]: Parameters<WebSocketServer['handleUpgrade']>
  ): void {
    super.handleUpgrade(request, socket, head, (connection, from) => {
      quicken(connection)
      accept(connection, from)
    })
  }
}

/** The part of a connection of Engine.IO that hears pings. */
interface Pinged {
  readonly transport: unknown
}

/** Ends a connection whose peer floods it with pings, each of which costs an answer, and says so to `onFlood`. */
export function boundPings({ transport }: Pinged, clock: Clock, onFlood: () => void): void {
  const { socket } = transport as { readonly socket?: Pingable }
  const pings = createAllowance(PINGS, clock)
  let hasFlooded = false
  socket?.on('ping', () => {
    if (hasFlooded || pings.take('') === 0) return
    hasFlooded = true
    onFlood()
    socket.terminate()
  })
}

interface Pingable {
  on(event: 'ping', heard: () => void): void
  terminate(): void
}
