import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodePacket, encodePacket } from './codec/packet.js'
import * as protocol from './index.js'
import { catalogue, fitMessage, fitReply, isKnownTo, type MessageName } from './messages/catalogue.js'
import { spokenVersions } from './version.js'

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

const path = (name: string) => new URL(`../vectors/${name}`, import.meta.url)
const read = (name: string): unknown => JSON.parse(readFileSync(path(name), 'utf8'))
const vectorsOf = { 1: 'packets.json', 2: 'packets-2.json' } as const

// LORICA_VECTORS=write writes the bytes of the newest version anew, after a message of it changed.
if (process.env.LORICA_VECTORS === 'write') {
  const written = (read(vectorsOf[2]) as Vector[]).map(({ event, packet }) => ({
    ...{ event, packet },
    hex: Buffer.from(encodePacket(withBytes(packet) as Vector['packet'])).toString('hex'),
  }))
  writeFileSync(path(vectorsOf[2]), `${JSON.stringify(written, null, 1)}\n`)
}

const parsers: Readonly<Record<string, (raw: unknown) => unknown>> = {
  hello: protocol.parseHello,
  'reply to hello': protocol.parseHelloReply,
  'blob.read': protocol.parseBlobRead,
  'reply to blob.read': protocol.parseBlobReadReply,
  progress: protocol.parseProgress,
  'reply to progress': protocol.parseProgressReply,
  'update.open': protocol.parseUpdateOpen,
  'reply to update.open': protocol.parseUpdateOpenReply,
  'update.chunk': protocol.parseUpdateChunk,
  'reply to update.chunk': protocol.parseUpdateChunkReply,
  'update.close': protocol.parseUpdateClose,
  'reply to update.close': protocol.parseUpdateCloseReply,
  evaluation: protocol.parseEvaluation,
  'reply to evaluation': protocol.parseEvaluationReply,
  decline: protocol.parseDecline,
  'reply to decline': protocol.parseDeclineReply,
  leave: protocol.parseLeave,
  'reply to leave': protocol.parseLeaveReply,
  assignment: protocol.parseAssignment,
  'reply to assignment': protocol.parseAssignmentReply,
  release: protocol.parseRelease,
  'reply to release': protocol.parseReleaseReply,
  trust: protocol.parseTrust,
  'reply to trust': protocol.parseTrustReply,
  'run-ended': protocol.parseRunEnded,
  'reply to run-ended': protocol.parseRunEndedReply,
  target: protocol.parseTarget,
  'reply to target': protocol.parseTargetReply,
  'target.report': protocol.parseTargetReport,
  'reply to target.report': protocol.parseTargetReportReply,
  'serving.health': protocol.parseServingHealth,
  'reply to serving.health': protocol.parseServingHealthReply,
  'sum.keys': protocol.parseSumKeys,
  'reply to sum.keys': protocol.parseSumKeysReply,
  'sum.shares': protocol.parseSumShares,
  'reply to sum.shares': protocol.parseSumSharesReply,
  'sum.input': protocol.parseSumInput,
  'reply to sum.input': protocol.parseSumInputReply,
  'sum.confirm': protocol.parseSumConfirm,
  'reply to sum.confirm': protocol.parseSumConfirmReply,
  'sum.reveal': protocol.parseSumReveal,
  'reply to sum.reveal': protocol.parseSumRevealReply,
  'sum-roster': protocol.parseSumRoster,
  'reply to sum-roster': protocol.parseSumRosterReply,
  'sum-delivery': protocol.parseSumDelivery,
  'reply to sum-delivery': protocol.parseSumDeliveryReply,
  'sum-survivors': protocol.parseSumSurvivors,
  'reply to sum-survivors': protocol.parseSumSurvivorsReply,
  'sum-confirmations': protocol.parseSumConfirmations,
  'reply to sum-confirmations': protocol.parseSumConfirmationsReply,
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

describe.each(spokenVersions)('golden packets of version %d', (version) => {
  const vectors = read(vectorsOf[version]) as readonly Vector[]

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

  test('every message has a vector, and so has every reply of the newest version', () => {
    const present = new Set(vectors.map(({ event }) => event))
    const names = (Object.keys(catalogue) as MessageName[]).filter((name) => isKnownTo(version, name))
    const wanted = version === 1 ? names : names.flatMap((name) => [name, `reply to ${name}`])
    expect([...wanted, 'refusal'].filter((event) => !present.has(event))).toEqual([])
  })

  test('a field too many is refused in every message', () => {
    for (const { event, packet } of vectors.filter(({ event }) => event !== 'refusal')) {
      const message = withBytes(packet.data.at(-1)) as object
      expect(() => parsers[event]!({ ...message, extra: 2 }), event).toThrow('extra')
    }
  })
})

/** `event.field`, `event.field.inner`, … of everything in a message. */
function pathsOf(value: unknown, at: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => pathsOf(item, at))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return []
  return Object.entries(value).flatMap(([name, field]) => [
    `${at}.${name}`,
    ...pathsOf(field, `${at}.${name}`),
  ])
}

test('a peer of version 1 is sent no message and no field that version 1 did not have', () => {
  const known = new Set(read('fields-1.json') as readonly string[])
  let newer = 0
  for (const { event, packet } of read(vectorsOf[2]) as readonly Vector[]) {
    if (event === 'refusal') continue
    const isReply = event.startsWith('reply to ')
    const name = event.replace('reply to ', '') as MessageName
    if (!isKnownTo(1, name)) continue
    const whole = withBytes(packet.data.at(-1)) as object
    const sent = isReply ? fitReply(name, whole, 1) : fitMessage(name, whole, 1)
    newer += pathsOf(whole, event).length - pathsOf(sent, event).length
    expect(
      pathsOf(sent, event).filter((path) => !known.has(path)),
      event,
    ).toEqual([])
    expect(() => parsers[event]!(event === 'hello' ? { ...sent, protocol: 1 } : sent)).not.toThrow()
  }
  expect(newer).toBeGreaterThan(1)
})
