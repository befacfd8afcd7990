import { LoricaError } from '../errors/lorica-error.js'
import { limits } from '../limits.js'

/** How much one frame may hold before anything of it is decoded. */
export interface FrameBudget {
  readonly bytes: number
  readonly nodes: number
  readonly depth: number
}

const frameBudget: FrameBudget = {
  bytes: limits.frameBytes,
  nodes: limits.frameNodes,
  depth: limits.frameDepth,
}

const PROTO = Buffer.from('__proto__')

/**
 * Walks the structure of a MessagePack frame without building any value, so that a hostile frame costs microseconds.
 * Passes exactly one value that fills the frame, with text keys and no extension types, inside `budget`.
 * Throws LoricaError LRC-1001 (malformed), LRC-1002 (bytes), LRC-1003 (nodes), LRC-1004 (depth) or LRC-1005 (type).
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function scanFrame(bytes: Uint8Array, budget: FrameBudget = frameBudget): void {
  if (bytes.byteLength > budget.bytes) {
    throw refuse(
      'LRC-1002',
      'frame is too large',
      `at most ${budget.bytes} bytes`,
      `${bytes.byteLength} bytes`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values: number[] = [] // values still to come in each open container, a key and its value counted apart
  const isMap: boolean[] = []
  let position = 0
  let nodes = 0
  for (;;) {
    while (values.length > 0 && values[values.length - 1] === 0) {
      values.pop()
      isMap.pop()
    }
    if (values.length === 0 && nodes > 0) break
    if (position >= bytes.byteLength) throw malformed('a value', `the end of the frame at byte ${position}`)
    let isKey = false
    if (values.length > 0) {
      const top = values.length - 1
      isKey = isMap[top]! && values[top]! % 2 === 0
      values[top]!--
    }
    nodes++
    if (nodes > budget.nodes)
      throw refuse('LRC-1003', 'frame holds too many values', `at most ${budget.nodes}`, 'more')
    const size = sizeAt(view, position)
    if (isKey && size.kind !== 'text') {
      throw refuse(
        'LRC-1005',
        'frame has a key that is not text',
        'text keys',
        `byte 0x${hex(bytes[position]!)}`,
      )
    }
    const start = position + size.headerBytes
    position = start + size.bodyBytes
    if (position > bytes.byteLength) {
      throw malformed(`${size.bodyBytes} bytes`, `${Math.max(0, bytes.byteLength - start)} bytes left`)
    }
    if (isKey && size.bodyBytes === PROTO.length && PROTO.equals(bytes.subarray(start, position))) {
      throw refuse('LRC-1005', 'frame has the key __proto__', 'names of fields', '__proto__')
    }
    if (size.children > 0) {
      if (size.children > bytes.byteLength - position) {
        throw refuse(
          'LRC-1003',
          'frame announces more values than it has bytes',
          'at least a byte each',
          `${size.children}`,
        )
      }
      if (values.length >= budget.depth) {
        throw refuse('LRC-1004', 'frame is nested too deeply', `at most ${budget.depth} levels`, 'more')
      }
      values.push(size.children)
      isMap.push(size.kind === 'map')
    }
  }
  if (position !== bytes.byteLength)
    throw malformed('one value', `${bytes.byteLength - position} bytes after it`)
}

interface ValueSize {
  readonly kind: 'plain' | 'text' | 'list' | 'map'
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly children: number
}

function sizeAt(view: DataView, at: number): ValueSize {
  const first = view.getUint8(at)
  if (first <= 0x7f || first >= 0xe0) return plain(1)
  if (first <= 0x8f) return container('map', 1, (first & 0x0f) * 2)
  if (first <= 0x9f) return container('list', 1, first & 0x0f)
  if (first <= 0xbf) return body('text', 1, first & 0x1f)
  switch (first) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      return plain(1)
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return body('plain', 1 + (1 << (first - 0xc4)), length(view, at + 1, 1 << (first - 0xc4)))
    case 0xca:
      return plain(5)
    case 0xcb:
      return plain(9)
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return plain(1 + (1 << (first - 0xcc)))
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return plain(1 + (1 << (first - 0xd0)))
    case 0xd9:
    case 0xda:
    case 0xdb:
      return body('text', 1 + (1 << (first - 0xd9)), length(view, at + 1, 1 << (first - 0xd9)))
    case 0xdc:
    case 0xdd:
      return container('list', first === 0xdc ? 3 : 5, length(view, at + 1, first === 0xdc ? 2 : 4))
    case 0xde:
    case 0xdf:
      return container('map', first === 0xde ? 3 : 5, length(view, at + 1, first === 0xde ? 2 : 4) * 2)
    default:
      throw refuse('LRC-1005', 'frame holds a forbidden type', 'plain data', `byte 0x${hex(first)}`)
  }
}

function length(view: DataView, at: number, width: number): number {
  if (at + width > view.byteLength)
    throw malformed(`${width} bytes of length`, `${view.byteLength - at} bytes left`)
  if (width === 1) return view.getUint8(at)
  return width === 2 ? view.getUint16(at) : view.getUint32(at)
}

function plain(headerBytes: number): ValueSize {
  return { kind: 'plain', headerBytes, bodyBytes: 0, children: 0 }
}

function body(kind: 'plain' | 'text', headerBytes: number, bodyBytes: number): ValueSize {
  return { kind, headerBytes, bodyBytes, children: 0 }
}

function container(kind: 'list' | 'map', headerBytes: number, children: number): ValueSize {
  return { kind, headerBytes, bodyBytes: 0, children }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function malformed(expected: string, received: string): LoricaError {
  return refuse('LRC-1001', 'frame is not valid MessagePack', expected, received)
}

function refuse(
  code: 'LRC-1001' | 'LRC-1002' | 'LRC-1003' | 'LRC-1004' | 'LRC-1005',
  message: string,
  expected: string,
  received: string,
): LoricaError {
  return new LoricaError(code, `${message}: expected ${expected}, received ${received}`, {
    expected,
    received,
  })
}
