import { createHash } from 'node:crypto'
import { createRandom, decodeSafetensors, encodeSafetensors, rawTensor } from '@lorica/peft-core'

/** Updates of one shape that differ in their last value, so that thousands of them share their bytes. */
export interface SyntheticUpdates {
  readonly sizeBytes: number
  /** The hash of update `index`. */
  sha256(index: number): string
  /** A range of update `index`; only the last one is a copy. */
  range(index: number, offset: number, length: number): Uint8Array
}

/** Updates for an adapter, given as the bytes of its safetensors file: small values that depend on nothing but the shapes. */
export function syntheticUpdates(adapter: Uint8Array): SyntheticUpdates {
  const random = createRandom(1, 'load')
  const tensors = [...decodeSafetensors(adapter)].map(([name, { shape }]) => {
    const count = shape.reduce((product, side) => product * side, 1)
    const data = Float32Array.from({ length: count }, () => (random.below(2001) - 1000) / 1e6)
    return [name, rawTensor({ shape, data })] as const
  })
  const bytes = encodeSafetensors(new Map(tensors), { format: 'pt', lorica: 'delta' })
  const body = bytes.subarray(0, bytes.byteLength - 4)
  const started = createHash('sha256').update(body)
  const tail = (index: number): Uint8Array => new Uint8Array(Float32Array.of((index + 1) / 1e6).buffer)
  return {
    sizeBytes: bytes.byteLength,
    sha256: (index) => started.copy().update(tail(index)).digest('hex'),
    range(index, offset, length) {
      const end = offset + length
      if (end <= body.byteLength) return bytes.subarray(offset, end)
      const last = Uint8Array.from(bytes.subarray(offset, end))
      const from = Math.max(0, offset - body.byteLength)
      last.set(tail(index).subarray(from, end - body.byteLength), Math.max(0, body.byteLength - offset))
      return last
    },
  }
}
