import { decodePacket } from '@lorica/protocol'

/** Bytes of one direction of a connection: a WebSocket frame, or what is not in frames. */
export interface Unit {
  readonly bytes: Buffer // as they travel
  readonly opcode: number | null // null: not a frame
  readonly payload: Buffer // without header and mask
}

const END_OF_HEADERS = '\r\n\r\n'
const WEBSOCKET = /^upgrade: websocket/im

/**
 * Cuts what one side of a connection sends into the head of the upgrade and the frames behind it (RFC 6455, section 5.2).
 * A connection that is not upgraded comes out as it is.
 */
export function createSplitter(): (part: Buffer) => readonly Unit[] {
  let rest: Buffer = Buffer.alloc(0)
  let form: 'head' | 'frames' | 'plain' = 'head'
  const plain = (bytes: Buffer): Unit => ({ bytes, opcode: null, payload: bytes })
  return (part) => {
    rest = rest.byteLength === 0 ? part : Buffer.concat([rest, part])
    const units: Unit[] = []
    const take = (unit: Unit): void => {
      units.push(unit)
      rest = rest.subarray(unit.bytes.byteLength)
    }
    if (form === 'head') {
      const end = rest.indexOf(END_OF_HEADERS)
      if (end < 0) return units
      const head = rest.subarray(0, end + END_OF_HEADERS.length)
      form = WEBSOCKET.test(head.toString('latin1')) ? 'frames' : 'plain'
      take(plain(head))
    }
    if (form === 'plain' && rest.byteLength > 0) take(plain(rest))
    if (form === 'frames')
      for (let frame = frameOf(rest); frame !== undefined; frame = frameOf(rest)) take(frame)
    return units
  }
}

function frameOf(bytes: Buffer): Unit | undefined {
  if (bytes.byteLength < 2) return undefined
  const [first, second] = [bytes[0] as number, bytes[1] as number]
  if ((first & 0x40) !== 0) throw new RangeError('frames expected to be plain, one is compressed')
  const short = second & 0x7f
  const wide = short === 126 ? 2 : short === 127 ? 8 : 0
  const maskBytes = (second & 0x80) === 0 ? 0 : 4
  const start = 2 + wide + maskBytes
  if (bytes.byteLength < start) return undefined
  const length = wide === 0 ? short : wide === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (bytes.byteLength < start + length) return undefined
  const payload = Buffer.from(bytes.subarray(start, start + length))
  if (maskBytes > 0)
    for (let index = 0; index < length; index++)
      payload[index] = (payload[index] as number) ^ (bytes[2 + wide + (index % 4)] as number)
  return { bytes: bytes.subarray(0, start + length), opcode: first & 0x0f, payload }
}

const PING = '2'.charCodeAt(0) // of Engine.IO

/** A message of the protocol as it passes, or the answer to one. */
export interface Message {
  readonly name: string // such as "update.open", "update.open answered", "assignment train"
  readonly body: Readonly<Record<string, unknown>>
}

/** Reads the messages of one connection, both ways; pings too. */
export function createReader(): (way: 'up' | 'down', unit: Unit) => Message | undefined {
  const asked = new Map<string, string>()
  return (way, { opcode, payload }) => {
    if (opcode === 1 && payload.length === 1) {
      const name = way === 'down' && payload[0] === PING ? 'ping' : 'ping answered'
      return { name, body: {} }
    }
    if (opcode !== 2) return undefined
    const { type, id, data } = decodePacket(payload) as { type: number; id?: number; data?: unknown }
    const back = way === 'up' ? 'down' : 'up'
    if (type === 0) return { name: way === 'up' ? 'connect' : 'connect answered', body: {} }
    if (type === 2) {
      const [event, body = {}] = data as [string, Message['body']?]
      const name = event === 'assignment' ? `${event} ${String(body.kind)}` : event
      asked.set(`${way} ${id}`, name)
      return { name, body }
    }
    const name = asked.get(`${back} ${id}`)
    if (type !== 3 || name === undefined) return undefined
    asked.delete(`${back} ${id}`)
    return { name: `${name} answered`, body: ((data as unknown[])[0] ?? {}) as Message['body'] }
  }
}
