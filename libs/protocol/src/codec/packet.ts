import { LoricaError } from '../errors/lorica-error.js'
import { decodeFrame, encodeFrame } from './frame.js'

/**
 * One socket.io packet: https://github.com/socketio/socket.io-protocol.
 * `type` is 0 connect, 1 disconnect, 2 event, 3 acknowledgement, 4 connection refused.
 */
export interface Packet {
  readonly type: number
  readonly nsp: string
  readonly id?: number | undefined
  readonly data?: unknown
}

const reservedEvents: readonly string[] = [
  'connect',
  'connect_error',
  'error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]

/** A packet as one binary frame: the MessagePack list [type, namespace, id or null, data or null]. */
export function encodePacket(packet: Packet): Uint8Array {
  return encodeFrame([packet.type, packet.nsp, packet.id ?? null, packet.data ?? null])
}

/** The packet of one frame, with every field checked. Throws LoricaError LRC-1001 to LRC-1006. */
export function decodePacket(frame: Uint8Array): Packet {
  const parts = decodeFrame(frame)
  if (!Array.isArray(parts) || parts.length !== 4) throw refuse('a list of 4 parts', kindOf(parts))
  const [type, nsp, id, data] = parts as unknown[]
  if (typeof type !== 'number' || !Number.isInteger(type) || type < 0 || type > 4) {
    throw refuse('a packet type from 0 to 4', String(type))
  }
  if (nsp !== '/') throw refuse('the namespace /', kindOf(nsp))
  if (id !== null && (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0)) {
    throw refuse('a packet id that is null or a whole number', kindOf(id))
  }
  if (!isDataOf(type, data)) throw refuse(`the data of a packet of type ${type}`, kindOf(data))
  if (type === 3 && id === null) throw refuse('an id with an acknowledgement', 'null')
  return { type, nsp, ...(id === null ? {} : { id }), ...(data === null ? {} : { data }) }
}

function isDataOf(type: number, data: unknown): boolean {
  switch (type) {
    case 0:
      return data === null || isRecord(data)
    case 1:
      return data === null
    case 2:
      return Array.isArray(data) && typeof data[0] === 'string' && !reservedEvents.includes(data[0])
    case 3:
      return Array.isArray(data)
    default:
      return typeof data === 'string' || isRecord(data)
  }
}

function isRecord(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? `a list of ${value.length}` : typeof value
}

function refuse(expected: string, received: string): LoricaError {
  return new LoricaError('LRC-1006', `packet is malformed: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
