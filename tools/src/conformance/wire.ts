import { decodePacket, encodePacket, FLEET_PATH, type Packet } from '@lorica/protocol'
import { type RawData, WebSocket } from 'ws'

/** An upgrade that was refused: no WebSocket came to be. */
export interface Refused {
  readonly status: number
  readonly body: string
}

/** A bare WebSocket that has joined the namespace: whoever holds it may send whatever bytes. */
export interface Wire {
  /** Sends one frame and waits for the acknowledgement of packet `id`. Throws Error when the connection closes or `waitMs` pass first, LoricaError for an answer that is no packet. */
  ask(id: number, frame: Uint8Array | string): Promise<unknown>
  /** Waits for the acknowledgement of packet `id` that is sent after this. */
  answerTo(id: number): Promise<unknown>
  /** Sends an event and waits for its reply. */
  say(name: string, message: unknown): Promise<unknown>
  /** Sends bytes as a binary frame, text as a text frame. */
  send(frame: Uint8Array | string): void
  /** Sends one binary frame as a message of this many fragments. */
  sendInParts(frame: Uint8Array, parts: number): void
  /** Sends this many pings of WebSocket at once. */
  ping(times: number): void
  /** Whether the connection is closed by the other side within `waitMs`, or as many as are given. */
  isClosed(untilMs?: number): Promise<boolean>
  close(): void
}

/** Hears a message of the coordinator, which is acknowledged whatever it is. */
export type OnMessage = (name: string, message: unknown) => void

interface WireOptions {
  readonly waitMs: number
  readonly onMessage?: OnMessage | undefined
  readonly silence?: 'namespace' | 'heartbeats' // what it never says: that it joins the namespace, or that it is alive
  readonly path?: string
}

/** The WebSocket of the fleet with these headers; every wait ends after `waitMs`. */
export async function openWire(
  url: string,
  headers: Readonly<Record<string, string>>,
  { waitMs, onMessage, silence, path = `${FLEET_PATH}?EIO=4&transport=websocket` }: WireOptions,
): Promise<Wire | Refused> {
  const address = `${url.replace(/^http/, 'ws')}${path}`
  const socket = new WebSocket(address, { headers, perMessageDeflate: false, handshakeTimeout: waitMs })
  const replies = new Map<number, (reply: unknown) => void>()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let joined: () => void = () => {}
  const namespace = new Promise<void>((resolve) => {
    joined = resolve
  })
  let lastId = 1000
  let fault: Error | undefined // what came was no packet

  function take(packet: Packet): void {
    if (packet.type === 0) joined()
    if (packet.id === undefined) return
    if (packet.type === 3) replies.get(packet.id)?.((packet.data as readonly unknown[])[0])
    if (packet.type !== 2) return
    socket.send(encodePacket({ type: 3, nsp: '/', id: packet.id, data: [{ ok: true }] }))
    const [name, message] = packet.data as [string, unknown]
    onMessage?.(name, message)
  }

  socket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(data as Buffer[])
    try {
      if (isBinary) take(decodePacket(Uint8Array.from(bytes)))
      else if (bytes.toString() === '2' && silence !== 'heartbeats') socket.send('3') // a ping of Engine.IO
    } catch (error) {
      fault = error as Error
      socket.terminate()
    }
  })
  const refused = await new Promise<Refused | undefined>((resolve, reject) => {
    socket.once('open', () => resolve(undefined))
    socket.once('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('error', reject)
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
      )
    })
  })
  if (refused !== undefined) return refused
  socket.on('error', () => socket.terminate())

  /** The value of `awaited`, unless the connection closes or time passes first. */
  async function within<T>(awaited: Promise<T>): Promise<T> {
    const cut = closed.then(() => Promise.reject(fault ?? new Error('the connection was closed')))
    return await before(Promise.race([awaited, cut]), waitMs)
  }

  const wire: Wire = {
    ask(id, frame) {
      const reply = wire.answerTo(id)
      socket.send(frame)
      return reply
    },
    answerTo: (id) => within(new Promise((resolve) => replies.set(id, resolve))),
    say(name, message) {
      const id = ++lastId
      return wire.ask(id, encodePacket({ type: 2, nsp: '/', id, data: [name, message] }))
    },
    send: (frame) => socket.send(frame),
    sendInParts(frame, parts) {
      for (let part = 0; part < parts; part++) {
        const bytes = part < parts - 1 ? frame.subarray(part, part + 1) : frame.subarray(part)
        socket.send(bytes, { fin: part === parts - 1 })
      }
    },
    ping(times) {
      for (let time = 0; time < times; time++) socket.ping()
    },
    async isClosed(untilMs = waitMs) {
      const isClosed = await before(
        closed.then(() => true),
        untilMs,
      ).catch(() => false)
      if (fault !== undefined) throw fault
      return isClosed
    },
    close: () => socket.terminate(),
  }
  if (silence === 'namespace') return wire
  socket.send(encodePacket({ type: 0, nsp: '/' }))
  await within(namespace)
  return wire
}

async function before<T>(awaited: Promise<T>, waitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came in ${waitMs} ms`)), waitMs)
  })
  return await Promise.race([awaited, late]).finally(() => clearTimeout(timer))
}
