import type { WebSocket } from 'ws'
import { unmask } from './unmask.js'

/** What is used of the receiving half of a WebSocket of `ws`. It is inside the library, and so it is looked for before it is used. */
interface Receiver {
  _payloadLength: number
  _bufferedBytes: number
  _buffers: Uint8Array[] // bytes that have arrived and are not consumed
  _masked: boolean
  _mask?: Uint8Array
  consume(length: number): Uint8Array
  getData(done: unknown): void
}

const LONG_BYTES = 1024 // shorter payloads gain nothing

/**
 * Has a connection take the mask off long payloads with `unmask`. Everything else stays with the library, which also does this
 * work itself, slowly, where its inside is not as expected. Says whether it was.
 */
export function quicken(connection: WebSocket): boolean {
  const receiver = (connection as unknown as { readonly _receiver?: Receiver })._receiver
  if (typeof receiver?.consume !== 'function' || typeof receiver.getData !== 'function') return false
  if (!Array.isArray(receiver._buffers) || typeof receiver._bufferedBytes !== 'number') return false
  receiver.getData = getData
  return true
}

function getData(this: Receiver, done: unknown): void {
  const length = this._payloadLength
  const isWhole = length <= this._bufferedBytes
  if (this._masked && isWhole && length >= LONG_BYTES && this._mask !== undefined) {
    const payload = this.consume(length)
    unmask(payload, this._mask)
    this._masked = false
    this._buffers.unshift(payload)
    this._bufferedBytes += length
  }
  const library = Object.getPrototypeOf(this) as Receiver
  library.getData.call(this, done)
}
