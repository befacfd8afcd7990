import { headerBytes, parseSafetensorsHeader } from '../adapter/safetensors-header.js'
import { UpdateFault } from './update-fault.js'

/** Where one tensor of an update is, in bytes from the start of the file. */
export interface UpdateTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

const MAX_HEADER_BYTES = 16 * 1024 * 1024 // an adapter of 100,000 tensors needs less

/**
 * Reads the header of an update of `sizeBytes`: a safetensors file of 32-bit floats whose tensors fill it without gaps.
 * Returns the bytes before the first value, and the tensors in the order of the file. Throws UpdateFault.
 */
export async function updateLayout(
  sizeBytes: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<{ readonly header: Uint8Array; readonly tensors: readonly UpdateTensor[] }> {
  const length = formatted(headerBytes, await read(0, Math.min(8, sizeBytes)), sizeBytes)
  if (length > MAX_HEADER_BYTES) {
    const received = `${length} bytes`
    throw new UpdateFault('format', { expected: `a header of at most ${MAX_HEADER_BYTES} bytes`, received })
  }
  const header = await read(0, length)
  const { tensors } = formatted(parseSafetensorsHeader, header, sizeBytes)
  const slices = [...tensors].map(([name, slice]) => {
    if (slice.element !== 'float32') {
      throw new UpdateFault('element', { tensor: name, expected: 'float32', received: slice.element })
    }
    return { name, shape: slice.shape, start: slice.offset, end: slice.offset + slice.sizeBytes }
  })
  return { header, tensors: slices }
}

function formatted<T>(
  read: (bytes: Uint8Array, sizeBytes: number) => T,
  bytes: Uint8Array,
  sizeBytes: number,
): T {
  try {
    return read(bytes, sizeBytes)
  } catch (cause) {
    throw new UpdateFault('format', { expected: 'a safetensors file', received: (cause as Error).message })
  }
}
