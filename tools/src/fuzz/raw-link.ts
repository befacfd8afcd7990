/**
 * A TCP connection that asks for a WebSocket and may then break every rule of it.
 * @module
 */
import { connect, type Socket } from 'node:net'
import { decodePacket, encodePacket, type Packet } from '@lorica/protocol'

/** The parts of a WebSocket frame (RFC 6455, section 5.2), right unless said otherwise. */
export interface FrameForm {
  readonly opcode?: number // 2: binary
  readonly isFinal?: boolean
  readonly isMasked?: boolean
  readonly reserved?: number // the three bits after the first
  readonly claimedBytes?: number // of the payload, as the header says it
}

const MASK = [0x5a, 0xc3, 0x17, 0x88] as const

/** The bytes of a WebSocket frame as a client sends it. */
export function webSocketFrame(payload: Uint8Array, form: FrameForm = {}): Buffer {
  const { opcode = 2, isFinal = true, isMasked = true, reserved = 0 } = form
  const claimed = form.claimedBytes ?? payload.byteLength
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  const length = Buffer.alloc(9)
  let lengthBytes = 1
  if (claimed < 126) length[0] = claimed
  else if (claimed < 65_536) {
    length[0] = 126
    lengthBytes = 1 + 2
    length.writeUInt16BE(claimed, 1)
  } else {
    length[0] = 127
    lengthBytes = 1 + 8
    length.writeBigUInt64BE(BigInt(claimed), 1)
  }
  if (isMasked) length[0]! |= 0x80
  const body = isMasked ? masked(payload) : payload
  return Buffer.concat([
    Buffer.of(first),
    length.subarray(0, lengthBytes),
    Buffer.from(isMasked ? MASK : []),
    body,
  ])
}

function masked(payload: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(payload)
  for (let at = 0; at < bytes.byteLength; at++) bytes[at]! ^= MASK[at & 3]!
  return bytes
}

/** What a request was answered with, as far as it came before the connection ended. */
export interface RawAnswer {
  readonly status: number // 0: the connection ended without an answer
  readonly body: string
}

/** Sends bytes to an HTTP server and reads its answer to the end of the connection, or for `waitMs`. */
export async function askRaw(url: string, bytes: string | Uint8Array, waitMs: number): Promise<RawAnswer> {
  const socket = dial(url)
  socket.write(bytes)
  let answer = ''
  socket.on('data', (part: Buffer) => {
    answer += part.toString('latin1')
    if (isWhole(answer)) socket.destroy()
  })
  const timer = setTimeout(() => socket.destroy(), waitMs)
  await closing(socket)
  clearTimeout(timer)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0),
    body: answer.slice(answer.indexOf('\r\n\r\n') + 4),
  }
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(answer.slice(0, end))?.[1]
  return end >= 0 && length !== undefined && answer.length >= end + 4 + Number(length)
}

/** The text of an upgrade with these headers. */
export function upgradeText(
  headers: Readonly<Record<string, string>>,
  query = 'EIO=4&transport=websocket',
): string {
  const all = {
    Host: 'coordinator',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.from('sixteen bytes ok').toString('base64'),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `GET /fleet?${query} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** A WebSocket whose frames are written by hand. */
export interface RawLink {
  readonly sentBytes: () => number
  write(bytes: Uint8Array): void
  /** Sends one packet as the protocol says. */
  say(packet: Packet): void
  /** The first packet from now on that `isWanted`, or undefined when the connection ends, or in `waitMs`. */
  heard(isWanted: (packet: Packet) => boolean, waitMs: number): Promise<Packet | undefined>
  isClosed(): boolean
  readonly closed: Promise<void>
  /** Reads no more, so that what the other side sends stays with it. */
  stopReading(): void
  close(): void
}

/** Opens a WebSocket with the headers of a proof and joins its namespace. Throws Error with the answer when it is refused. When it
 * is not polite it does not hang up when the other side closes. */
export async function openRawLink(
  url: string,
  headers: Readonly<Record<string, string>>,
  { waitMs, isPolite = true }: { readonly waitMs: number; readonly isPolite?: boolean },
): Promise<RawLink> {
  const socket = dial(url)
  const listeners = new Set<(packet: Packet) => void>()
  let sentBytes = 0
  let rest: Buffer = Buffer.alloc(0)
  let isOpen = false
  const closed = closing(socket)
  const write = (bytes: Uint8Array): void => {
    sentBytes += bytes.byteLength
    if (!socket.destroyed) socket.write(bytes)
  }
  let opened: () => void = () => {}
  const upgraded = new Promise<void>((resolve) => {
    opened = resolve
  })
  socket.on('data', (part: Buffer) => {
    rest = Buffer.concat([rest, part])
    if (!isOpen) {
      const end = rest.indexOf('\r\n\r\n')
      if (end < 0 || !rest.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) return
      isOpen = true
      rest = rest.subarray(end + 4)
      opened()
    }
    for (let frame = serverFrame(rest); frame !== undefined; frame = serverFrame(rest)) {
      rest = rest.subarray(frame.sizeBytes)
      if (frame.opcode === 1 && frame.payload[0] === 0x32)
        write(webSocketFrame(Buffer.from('3'), { opcode: 1 }))
      if (frame.opcode === 8 && isPolite) socket.destroy()
      if (frame.opcode !== 2) continue
      const packet = decodePacket(Uint8Array.from(frame.payload))
      for (const listener of listeners) listener(packet)
    }
  })
  socket.write(upgradeText(headers))
  const link: RawLink = {
    sentBytes: () => sentBytes,
    write,
    say: (packet) => write(webSocketFrame(encodePacket(packet))),
    async heard(isWanted, waitMs) {
      if (socket.destroyed) return undefined
      let timer: NodeJS.Timeout | undefined
      let listener: (packet: Packet) => void = () => {}
      const wanted = new Promise<Packet | undefined>((resolve) => {
        listener = (packet) => isWanted(packet) && resolve(packet)
        listeners.add(listener)
        timer = setTimeout(() => resolve(undefined), waitMs)
        void closed.then(() => resolve(undefined))
      })
      return await wanted.finally(() => {
        listeners.delete(listener)
        clearTimeout(timer)
      })
    },
    isClosed: () => socket.destroyed,
    closed,
    stopReading: () => void socket.pause(),
    close: () => void socket.destroy(),
  }
  const timer = setTimeout(() => socket.destroy(), waitMs)
  await Promise.race([upgraded, closed])
  clearTimeout(timer)
  if (!isOpen) throw new Error(`the upgrade was answered with ${rest.toString('latin1')}`)
  link.say({ type: 0, nsp: '/' })
  if ((await link.heard(({ type }) => type === 0, waitMs)) === undefined)
    throw new Error('the namespace was not joined')
  return link
}

function dial(url: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  return socket
}

function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
  readonly sizeBytes: number // with its header
}

function serverFrame(bytes: Buffer): ServerFrame | undefined {
  if (bytes.byteLength < 2) return undefined
  const short = bytes[1]! & 0x7f
  const start = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.byteLength < start) return undefined
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  if (bytes.byteLength < start + length) return undefined
  return {
    opcode: bytes[0]! & 0x0f,
    payload: bytes.subarray(start, start + length),
    sizeBytes: start + length,
  }
}
