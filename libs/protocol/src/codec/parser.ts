import { EventEmitter } from 'node:events'
import { LoricaError } from '../errors/lorica-error.js'
import { decodePacket, encodePacket, type Packet } from './packet.js'

class Encoder {
  encode(packet: Packet): Uint8Array[] {
    return [encodePacket(packet)]
  }
}

class Decoder extends EventEmitter {
  add(frame: unknown): void {
    this.emit('decoded', decodePacket(frameBytes(frame)))
  }

  destroy(): void {
    this.removeAllListeners()
  }
}

function frameBytes(frame: unknown): Uint8Array {
  if (frame instanceof Uint8Array) return frame
  if (frame instanceof ArrayBuffer) return new Uint8Array(frame)
  throw new LoricaError('LRC-1001', `frame expected binary data, received ${typeof frame}`, {
    expected: 'binary data',
    received: typeof frame,
  })
}

/**
 * The `parser` option of both socket.io and socket.io-client: each packet is one binary frame that is scanned before
 * it is decoded. A bad frame throws a LoricaError inside the library, which closes that connection.
 */
export const parser = { protocol: 5, Encoder, Decoder } as const
