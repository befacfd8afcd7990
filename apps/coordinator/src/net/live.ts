/**
 * What happens, told to operators as it happens: socket.io over WebSocket, proven before the upgrade. Nothing is kept for a reader: each
 * reads the events that are kept from where it is, as fast as it takes them.
 * @module
 */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import {
  type ErrorCode,
  LIVE_NAMESPACE,
  LIVE_PATH,
  LIVE_PROTOCOL,
  type LiveEvent,
  LoricaError,
  limits,
  readMessage,
  TOKEN_PROTOCOL,
} from '@lorica/protocol'
import { Server, type Socket } from 'socket.io'
import { z } from 'zod'
import { type Clock, wait } from '../clock.js'
import type { Operator } from '../fleet/operators.js'
import type { Log } from '../log.js'
import type { LiveFeed } from '../watching/live-feed.js'
import { type Bearers, holderOf, isOperator, tokenIn } from './bearer.js'
import { BoundedServer, boundPings } from './bounded-server.js'
import type { Doorway } from './doorway.js'
import { evict } from './eviction.js'
import type { Upgrades } from './upgrade.js'

const FRAME_BYTES = 4096 // operators send where to begin, and nothing more
const WATCHERS = 200 // at once
const BATCH = 100 // events that are read at once
const UNREAD_BYTES = 1024 * 1024 // of one connection; nothing more is written until it has read
const STALLED_MS = 30_000 // a reader that takes nothing for so long is dropped
const LOOK_MS = 25

/** From where on to tell, and of which run. */
const startSchema = z.object({
  after: z.int().min(0).optional(), // the seq of the last event that is known; what comes from now on if left out
  run: z.string().max(80).optional(), // its id; everything if left out
})

/** What the live connections are made of. */
export interface LiveParts {
  readonly bearers: Bearers
  readonly feed: LiveFeed
  readonly clock: Clock
  readonly log: Log
  readonly doorway: Pick<Doorway, 'enter'>
}

export interface Live {
  /** Connections that look on. */
  count(): number
  /** Bytes that wait in memory until they read them. */
  unreadBytes(): number
  close(): void
}

/** Lets operators look on over the HTTP server that `upgrades` guards. */
export function openLive(server: HttpServer, upgrades: Upgrades, parts: LiveParts): Live {
  const { doorway, clock, log } = parts
  const admitted = new WeakMap<IncomingMessage, Operator>()
  const watchers = new Set<Socket>()
  const served = server.listeners('request') as ((...request: unknown[]) => void)[]
  const io = new Server(server, {
    path: LIVE_PATH,
    addTrailingSlash: false,
    transports: ['websocket'],
    allowUpgrades: false,
    serveClient: false,
    wsEngine: BoundedServer,
    maxHttpBufferSize: FRAME_BYTES,
    pingInterval: limits.pingIntervalMs,
    pingTimeout: limits.pingTimeoutMs,
    connectTimeout: 5000,
    perMessageDeflate: false,
    httpCompression: false,
    allowRequest: (request, answer) => answer(null, admitted.has(request)),
  })
  server.removeAllListeners('request')
  for (const serve of served) server.on('request', serve)
  upgrades.guard(LIVE_PATH, (request) => {
    doorway.enter('upgrade', request.socket)
    if (watchers.size >= WATCHERS)
      throw new LoricaError('LRC-2017', `${WATCHERS} live connections are open`, {
        expected: `at most ${WATCHERS}`,
        received: 'one more',
      })
    admitted.set(request, holderOf(tokenOf(request), request.socket, parts.bearers))
  })
  io.engine.on('connection', (connection: { transport: unknown; request: IncomingMessage }) =>
    boundPings(connection, clock, () => log('watcher-dropped', { code: 'LRC-1003' })),
  )
  io.of(LIVE_NAMESPACE).on('connection', (socket: Socket) => {
    const operator = admitted.get(socket.request)
    if (operator === undefined) {
      socket.disconnect(true)
      return
    }
    watchers.add(socket)
    log('watcher-connected', { operator: operator.name })
    socket.once('disconnect', () => {
      watchers.delete(socket)
      log('watcher-disconnected', { operator: operator.name })
    })
    watch(parts, socket, operator)
  })
  return {
    count: () => watchers.size,
    unreadBytes: () => [...watchers].reduce((sum, socket) => sum + unreadBytes(socket), 0),
    close: () => io.engine.close(),
  }
}

/** The token of an upgrade: in `authorization`, or where a browser can put it, as the second protocol. */
function tokenOf({ headers }: IncomingMessage): string {
  const given = tokenIn(headers.authorization)
  if (given !== '') return given
  const [first, second = ''] = (headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/)
  return first === LIVE_PROTOCOL && second.startsWith(TOKEN_PROTOCOL)
    ? second.slice(TOKEN_PROTOCOL.length)
    : ''
}

/** Tells one connection what happens, until it ends. */
function watch({ feed, clock, log, bearers }: LiveParts, socket: Socket, operator: Operator): void {
  const drop = (code: ErrorCode, why: string) => {
    if (!socket.connected) return
    log('watcher-dropped', { operator: operator.name, code })
    socket.emit('dropped', { code, message: why })
    void evict(socket, clock) // also one that reads nothing, and so never hears that it ends
  }
  socket.onAny(() => drop('LRC-1011', 'operators who look on say nothing'))
  const start = startOf(socket)
  if (start === undefined) {
    drop('LRC-1007', 'auth: expected after, the seq of an event, and run, the id of a run')
    return
  }
  let seq = start.after ?? feed.lastSeq()
  let isTelling = false
  const abort = new AbortController()
  const isWanted = (event: LiveEvent) =>
    start.run === undefined || ('runId' in event && event.runId === start.run)

  async function tell(): Promise<void> {
    if (isTelling) return
    isTelling = true
    try {
      while (socket.connected) {
        if (!isOperator(operator, bearers)) drop('LRC-2007', 'the token is not that of an operator any more')
        if (!socket.connected) return
        const events = seq > feed.lastSeq() ? undefined : feed.after(seq, BATCH)
        if (events === undefined) {
          const to = feed.lastSeq()
          socket.emit('gap', { from: seq, to })
          seq = to
          continue
        }
        if (events.length === 0) return
        for (const event of events) {
          if (isWanted(event)) socket.emit('event', event)
          seq = event.seq
          if (unreadBytes(socket) > UNREAD_BYTES) break // one event can be large: each is looked at
        }
        await room()
      }
    } catch {
      // the connection is gone, or was dropped
    } finally {
      isTelling = false
    }
  }

  async function room(): Promise<void> {
    const sinceMs = clock.monotonicMs()
    while (unreadBytes(socket) > UNREAD_BYTES) {
      if (clock.monotonicMs() - sinceMs > STALLED_MS)
        drop(
          'LRC-1009',
          `nothing was read for ${STALLED_MS / 1000} s; connect again with after: the last seq`,
        )
      await wait(clock, LOOK_MS, abort.signal)
    }
  }

  const unlisten = feed.listen((event, isKept) => {
    if (isKept) void tell()
    else if (!isTelling && isWanted(event) && unreadBytes(socket) <= UNREAD_BYTES) socket.emit('event', event)
  })
  socket.once('disconnect', () => {
    unlisten()
    abort.abort(new LoricaError('LRC-1009', 'the connection is gone'))
  })
  socket.emit('ready', { seq })
  void tell()
}

function startOf(socket: Socket): z.output<typeof startSchema> | undefined {
  try {
    return readMessage(startSchema, 'auth', socket.handshake.auth)
  } catch {
    return undefined
  }
}

function unreadBytes(socket: Socket): number {
  const { transport, writeBuffer } = socket.conn as unknown as {
    readonly transport: { readonly socket?: { readonly bufferedAmount?: number } }
    readonly writeBuffer: readonly { readonly data?: unknown }[]
  }
  const waiting = writeBuffer.reduce((sum, { data }) => sum + (typeof data === 'string' ? data.length : 0), 0)
  return waiting + (transport.socket?.bufferedAmount ?? 0)
}
