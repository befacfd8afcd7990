import { describe, expect, test } from 'vitest'
import { LoricaError } from '../errors/lorica-error.js'
import { encodeFrame } from './frame.js'
import { decodePacket, encodePacket } from './packet.js'
import { parser } from './parser.js'

describe('decodePacket', () => {
  test('a packet comes back as it was', () => {
    for (const packet of [
      { type: 0, nsp: '/', data: { sid: 'abc' } },
      { type: 1, nsp: '/' },
      { type: 2, nsp: '/', id: 7, data: ['progress', { step: 3 }] },
      { type: 3, nsp: '/', id: 7, data: [{ ok: true }] },
      { type: 4, nsp: '/', data: { message: 'no' } },
    ]) {
      expect(decodePacket(encodePacket(packet))).toEqual(packet)
    }
  })

  test.each([
    ['a map', { type: 2 }],
    ['three parts', [2, '/', null]],
    ['another namespace', [2, '/admin', null, ['hello']]],
    ['an unknown type', [5, '/', null, ['hello']]],
    ['a type that is text', ['2', '/', null, ['hello']]],
    ['an event without a name', [2, '/', null, [{ a: 2 }]]],
    ['an event named disconnect', [2, '/', null, ['disconnect', 'no']]],
    ['a negative id', [2, '/', -3, ['hello']]],
    ['a fractional id', [2, '/', 2.5, ['hello']]],
    ['an acknowledgement without an id', [3, '/', null, [{ ok: true }]]],
    ['a disconnect with data', [1, '/', null, ['x']]],
    ['a connect with a list', [0, '/', null, [2]]],
  ])('%s is refused', (_, value) => {
    expect(() => decodePacket(encodeFrame(value))).toThrow(LoricaError)
    expect(() => decodePacket(encodeFrame(value))).toThrow('packet is malformed')
  })
})

describe('parser', () => {
  test('each packet is one binary frame, read from a Buffer or an ArrayBuffer', () => {
    const packet = { type: 2, nsp: '/', id: 3, data: ['update.chunk', { bytes: Uint8Array.of(7, 8, 9) }] }
    const frames = new parser.Encoder().encode(packet)
    expect(frames.length).toBe(1)
    const received: unknown[] = []
    const decoder = new parser.Decoder()
    decoder.on('decoded', (value) => received.push(value))
    decoder.add(frames[0])
    decoder.add(Uint8Array.from(frames[0]!).buffer)
    const bytes = Buffer.from([7, 8, 9])
    expect(received).toHaveLength(2)
    for (const value of received)
      expect(
        Buffer.from((value as typeof packet & { data: [string, { bytes: Uint8Array }] }).data[1].bytes),
      ).toEqual(bytes)
  })

  test('a text frame is refused', () => {
    expect(() => new parser.Decoder().add('2["hello"]')).toThrow('frame expected binary data')
  })
})
