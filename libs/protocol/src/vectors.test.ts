import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodePacket, encodePacket } from './codec/packet.js'
import * as protocol from './index.js'

/** One message as other implementations must write and read it; a string hex:… stands for bytes. */
interface Vector {
  readonly event: string
  readonly packet: {
    readonly type: number
    readonly nsp: string
    readonly id: number
    readonly data: readonly unknown[]
  }
  readonly hex: string
}

const path = new URL('../vectors/packets.json', import.meta.url)
const vectors = JSON.parse(readFileSync(path, 'utf8')) as readonly Vector[]

const parsers: Readonly<Record<string, (raw: unknown) => unknown>> = {
  hello: protocol.parseHello,
  'reply to hello': protocol.parseHelloReply,
  'blob.read': protocol.parseBlobRead,
  'reply to blob.read': protocol.parseBlobReadReply,
  progress: protocol.parseProgress,
  'update.open': protocol.parseUpdateOpen,
  'reply to update.open': protocol.parseUpdateOpenReply,
  'update.chunk': protocol.parseUpdateChunk,
  'reply to update.chunk': protocol.parseUpdateChunkReply,
  'update.close': protocol.parseUpdateClose,
  'reply to update.close': protocol.parseUpdateCloseReply,
  evaluation: protocol.parseEvaluation,
  decline: protocol.parseDecline,
  leave: protocol.parseLeave,
  assignment: protocol.parseAssignment,
  'reply to assignment': protocol.parseAssignmentReply,
  release: protocol.parseRelease,
  'run-ended': protocol.parseRunEnded,
}

function withBytes(value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('hex:'))
    return Uint8Array.from(Buffer.from(value.slice(4), 'hex'))
  if (Array.isArray(value)) return value.map(withBytes)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withBytes(field)]))
}

function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field) =>
      field?.type === 'Buffer' ? field.data : field instanceof Uint8Array ? [...field] : field,
    ),
  )
}

describe('golden packets', () => {
  test.each(vectors.map((vector) => [vector.event, vector] as const))(
    '%s is written and read byte for byte',
    (event, { packet, hex }) => {
      const value = withBytes(packet) as Parameters<typeof encodePacket>[0] & { data: unknown[] }
      expect(Buffer.from(encodePacket(value)).toString('hex')).toBe(hex)
      const decoded = decodePacket(Buffer.from(hex, 'hex'))
      expect(comparable(decoded)).toEqual(comparable(value))
      const message = (decoded.data as unknown[])[decoded.type === 3 ? 0 : 1]
      if (event === 'refusal')
        expect(() => protocol.parseUpdateChunkReply(message)).toThrow('expected offset 262144')
      else expect(() => parsers[event]!(message)).not.toThrow()
    },
  )

  test('every message has a vector', () => {
    const present = new Set(vectors.map(({ event }) => event))
    expect([...Object.keys(parsers), 'refusal'].filter((event) => !present.has(event))).toEqual([])
  })

  test('a field too many is refused in every message', () => {
    for (const { event, packet } of vectors.filter(({ event }) => event !== 'refusal')) {
      const message = withBytes(packet.data.at(-1)) as object
      expect(() => parsers[event]!({ ...message, extra: 2 }), event).toThrow('extra')
    }
  })
})
