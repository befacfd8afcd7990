import { encodePacket, limits } from '@lorica/protocol'
import { type Dice, nextFrame } from './frames.js'
import { type RawLink, webSocketFrame } from './raw-link.js'

/** Something that no well-made agent does on its connection. */
export interface Misuse {
  readonly name: string
  readonly act: (link: RawLink, roll: Dice) => void
}

const frame = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(0xc0)
const text = (words: string): Buffer => webSocketFrame(Buffer.from(words), { opcode: 1 })
const times = (count: number, part: () => Uint8Array): Buffer =>
  Buffer.concat(Array.from({ length: count }, part))

/**
 * A frame of the generator or, every other time, one of up to 512 KiB: half of those are refused by their bytes, the others by what
 * they say.
 */
export function hostileFrame(roll: Dice, golden: readonly Uint8Array[]): Uint8Array {
  if (roll(2) === 0) return nextFrame(roll, golden)
  const bytes = new Uint8Array(limits.chunkBytes + roll(limits.chunkBytes - 1024)).fill(roll(256))
  const id = roll(100)
  switch (roll(8)) {
    case 0:
      return encodePacket({ type: 0, nsp: '/', data: { bytes } })
    case 1:
      return encodePacket({ type: 3, nsp: '/', id, data: [bytes] })
    case 2:
      return encodePacket({
        type: 2,
        nsp: '/',
        id,
        data: ['update.chunk', { uploadId: 'u1', offset: 0, bytes }],
      })
    case 3:
      return encodePacket({ type: 2, nsp: '/', id, data: ['lorem', { bytes }] })
    default:
      return Buffer.concat([
        encodePacket({ type: 2, nsp: '/', id, data: ['lorem', bytes] }),
        Buffer.of(roll(256)),
      ])
  }
}

/** Misuse of the WebSocket itself, beside its frames. */
export const misuses: readonly Misuse[] = [
  { name: 'no mask', act: (link) => link.write(webSocketFrame(frame(8), { isMasked: false })) },
  {
    name: 'reserved bits',
    act: (link, roll) => link.write(webSocketFrame(frame(8), { reserved: 1 + roll(7) })),
  },
  {
    name: 'a reserved opcode',
    act: (link, roll) =>
      link.write(webSocketFrame(frame(8), { opcode: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15][roll(10)]! })),
  },
  { name: 'a ping of 200 bytes', act: (link) => link.write(webSocketFrame(frame(200), { opcode: 9 })) },
  { name: 'half a ping', act: (link) => link.write(webSocketFrame(frame(4), { opcode: 9, isFinal: false })) },
  { name: 'a continuation of nothing', act: (link) => link.write(webSocketFrame(frame(8), { opcode: 0 })) },
  {
    name: 'a message inside a message',
    act: (link) => link.write(times(2, () => webSocketFrame(frame(4), { isFinal: false }))),
  },
  {
    name: 'tiny fragments',
    act(link) {
      link.write(webSocketFrame(frame(1), { isFinal: false }))
      link.write(times(200, () => webSocketFrame(frame(1), { opcode: 0, isFinal: false })))
    },
  },
  {
    name: 'fragments of a message that is too large',
    act(link) {
      link.write(webSocketFrame(frame(300_000), { isFinal: false }))
      link.write(webSocketFrame(frame(300_000), { opcode: 0 }))
    },
  },
  {
    name: 'an oversized frame',
    act: (link, roll) => link.write(webSocketFrame(frame(limits.frameBytes + 1 + roll(300_000)))),
  },
  {
    name: 'a frame that says it is enormous',
    act: (link, roll) => link.write(webSocketFrame(frame(64), { claimedBytes: 2 ** (20 + roll(33)) })),
  },
  {
    name: 'a frame that is never finished',
    act(link, roll) {
      link.write(webSocketFrame(frame(1 + roll(200_000)), { claimedBytes: 400_000 }))
      link.close()
    },
  },
  {
    name: 'a frame of one byte after the other',
    act(link) {
      const bytes = webSocketFrame(encodePacket({ type: 2, nsp: '/', data: ['lorem', frame(5000)] }))
      for (const byte of bytes) link.write(Uint8Array.of(byte))
    },
  },
  {
    name: 'text',
    act: (link, roll) => link.write(text(['4lorem', '0{}', '2', '2probe', '7', 'b', ''][roll(7)]!)),
  },
  {
    name: 'bytes that are no text',
    act: (link) => link.write(webSocketFrame(Buffer.of(0x34, 0xff, 0xfe), { opcode: 1 })),
  },
  { name: 'empty frames', act: (link) => link.write(times(300, () => webSocketFrame(new Uint8Array(0)))) },
  {
    name: 'a flood of pings',
    act: (link) => link.write(times(300, () => webSocketFrame(frame(100), { opcode: 9 }))),
  },
  {
    name: 'a flood of pongs',
    act: (link) => link.write(times(300, () => webSocketFrame(frame(100), { opcode: 10 }))),
  },
  { name: 'a close with one byte', act: (link) => link.write(webSocketFrame(frame(1), { opcode: 8 })) },
  {
    name: 'a close with a code that is none',
    act: (link) => link.write(webSocketFrame(Buffer.of(0x03, 0xed), { opcode: 8 })),
  },
  { name: 'a namespace joined twice', act: (link) => link.say({ type: 0, nsp: '/' }) },
  {
    name: 'a flood of messages',
    act(link, roll) {
      const id = () => 100_000 + roll(1000)
      const one = () => webSocketFrame(encodePacket({ type: 2, nsp: '/', id: id(), data: ['blob.read', {}] }))
      link.write(times(200, one))
    },
  },
  {
    name: 'messages that want no answer',
    act: (link) =>
      link.write(times(60, () => webSocketFrame(encodePacket({ type: 2, nsp: '/', data: ['lorem', 7] })))),
  },
  {
    name: 'an event with the name error',
    act: (link) => link.say({ type: 2, nsp: '/', id: 100_000, data: ['error', { code: 'LRC-0000' }] }),
  },
]
