import { Packr, Unpackr } from 'msgpackr'
import { LoricaError } from '../errors/lorica-error.js'
import { limits } from '../limits.js'
import { scanFrame } from './scan.js'

const plainOptions = {
  useRecords: false,
  structuredClone: false,
  moreTypes: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: 'number',
} as const
const packr = new Packr(plainOptions)
const unpackr = new Unpackr(plainOptions)

/**
 * One plain value as MessagePack bytes. Fields that are undefined are left out.
 * Throws LoricaError LRC-1010 for anything but maps, lists, text, finite numbers, booleans, null and Uint8Array
 * (msgpackr would write other typed arrays wrongly), and LRC-1002 when the result is larger than a frame may be.
 */
export function encodeFrame(value: unknown): Uint8Array {
  const bytes = packr.pack(sendable(value, 'value', 0))
  if (bytes.byteLength > limits.frameBytes) {
    throw new LoricaError('LRC-1002', `message of ${bytes.byteLength} bytes does not fit in one frame`, {
      expected: `at most ${limits.frameBytes} bytes`,
      received: `${bytes.byteLength} bytes`,
    })
  }
  return bytes
}

/**
 * The value of one frame. Byte fields are views of the frame: copy a small one that is kept.
 * Throws LoricaError LRC-1001 to LRC-1005 before anything is built from a frame that breaks the limits.
 */
export function decodeFrame(bytes: Uint8Array): unknown {
  scanFrame(bytes)
  try {
    return unpackr.unpack(bytes)
  } catch (cause) {
    throw new LoricaError('LRC-1001', `frame is not valid MessagePack: ${String(cause)}`, { cause })
  }
}

function sendable(value: unknown, path: string, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw refuse(path, 'a finite number', String(value))
  }
  if (value instanceof Uint8Array) return value
  if (depth >= limits.frameDepth) throw refuse(path, `at most ${limits.frameDepth} levels`, 'more')
  if (Array.isArray(value)) return value.map((item, index) => sendable(item, `${path}[${index}]`, depth + 1))
  if (typeof value !== 'object') throw refuse(path, 'plain data', typeof value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw refuse(path, 'plain data or Uint8Array', value.constructor?.name ?? 'an object')
  }
  const fields: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) fields[key] = sendable(field, `${path}.${key}`, depth + 1)
  }
  return fields
}

function refuse(path: string, expected: string, received: string): LoricaError {
  return new LoricaError('LRC-1010', `${path} cannot be sent: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
