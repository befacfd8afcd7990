import { limits } from '@lorica/protocol'
import type { Candidate } from './candidate.js'
import { introduced } from './conversation.js'
import type { Statement } from './statement.js'

const NIL = 0xc0

/** The frame of an event hello whose message is these MessagePack bytes. */
function event(message: readonly number[]): Uint8Array {
  const head = [0x94, 2, 0xa1, 0x2f, NIL, 0x92, 0xa5, ...Buffer.from('hello')]
  return Uint8Array.from([...head, ...message])
}

/** A map with one key and null for its value. */
function mapOf(key: readonly number[]): readonly number[] {
  return [0x81, ...key, NIL]
}

const frames: Readonly<Record<string, Uint8Array | string>> = {
  'a text frame': '4hello',
  [`a frame of more than ${limits.frameBytes} bytes`]: new Uint8Array(limits.frameBytes + 1),
  [`a frame of more than ${limits.frameNodes} values`]: event([
    ...[0xdc, limits.frameNodes >> 8, limits.frameNodes & 255],
    ...new Array<number>(limits.frameNodes).fill(NIL),
  ]),
  [`a frame with more than ${limits.frameDepth} containers inside each other`]: event([
    ...new Array<number>(limits.frameDepth).fill(0x91),
    NIL,
  ]),
  'a frame with an extension type': event([0xd4, 1, 0]),
  'a frame with a key that is not text': event(mapOf([7])),
  'a frame with the key __proto__': event(mapOf([0xa9, ...Buffer.from('__proto__')])),
  'a frame that is no MessagePack': Uint8Array.from([0xc1, 0xff]),
  'a frame that ends too early': event([0x92, NIL]),
  'a packet of three parts': Uint8Array.from([0x93, 2, 0xa1, 0x2f, NIL]),
}

/** What section 3 says: frames beyond a limit cost their sender the connection, and the coordinator nothing. */
export const hostility: readonly Statement[] = Object.entries(frames).map(([what, frame]) => ({
  section: '3',
  statement: `${what} costs the connection, and the coordinator still answers`,
  expected: 'closed, /healthz 200',
  async observe(candidate: Candidate) {
    const wire = await introduced(candidate)
    wire.send(frame)
    const isClosed = await wire.isClosed()
    wire.close()
    const { status } = await candidate.get('/healthz')
    return `${isClosed ? 'closed' : 'open'}, /healthz ${status}`
  },
}))
