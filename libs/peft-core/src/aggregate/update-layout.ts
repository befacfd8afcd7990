import { UpdateFault } from './update-fault.js'

/** Where one tensor of an update is, in bytes from the first value of the file. */
export interface UpdateTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

const MAX_HEADER_BYTES = 16 * 1024 * 1024

/**
 * Reads the header of an update of `sizeBytes`: a safetensors file of 32-bit floats whose tensors fill it without gaps.
 * Returns the bytes before the first value, and the tensors in the order of the file. Throws UpdateFault.
 * Format: https://github.com/huggingface/safetensors#format
 */
export async function updateLayout(
  sizeBytes: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<{ readonly header: Uint8Array; readonly tensors: readonly UpdateTensor[] }> {
  if (sizeBytes < 10)
    throw new UpdateFault('format', { expected: 'a safetensors file', received: `${sizeBytes} bytes` })
  const prefix = await read(0, 8)
  const headerBytes = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true))
  if (headerBytes < 2 || headerBytes > Math.min(MAX_HEADER_BYTES, sizeBytes - 8)) {
    throw new UpdateFault('format', {
      expected: 'a header inside the file',
      received: `${headerBytes} bytes of header`,
    })
  }
  const header = await read(0, 8 + headerBytes)
  const tensors = entriesOf(header.subarray(8)).map(([name, entry]) => tensorOf(name, entry))
  const ordered = tensors.toSorted((a, b) => a.start - b.start || a.end - b.end)
  let position = 0
  for (const tensor of ordered) {
    if (tensor.start !== position) {
      const found = {
        tensor: tensor.name,
        expected: `data from byte ${position}`,
        received: `byte ${tensor.start}`,
      }
      throw new UpdateFault('format', found)
    }
    position = tensor.end
  }
  if (8 + headerBytes + position !== sizeBytes) {
    const expected = `${8 + headerBytes + position} bytes as in the header`
    throw new UpdateFault('format', { expected, received: `${sizeBytes} bytes` })
  }
  return { header, tensors: ordered }
}

function entriesOf(json: Uint8Array): [string, unknown][] {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch {
    throw new UpdateFault('format', { expected: 'a JSON header', received: 'other bytes' })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new UpdateFault('format', { expected: 'a JSON header with tensors', received: typeof header })
  }
  return Object.entries(header).filter(([name]) => name !== '__metadata__')
}

function tensorOf(name: string, entry: unknown): UpdateTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>
  if (dtype !== 'F32')
    throw new UpdateFault('element', { tensor: name, expected: 'F32', received: String(dtype) })
  if (!isCounts(shape))
    throw new UpdateFault('format', { tensor: name, expected: 'a shape', received: 'none' })
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw new UpdateFault('format', { tensor: name, expected: 'two data offsets', received: 'none' })
  }
  const [start, end] = offsets as [number, number]
  const sizeBytes = shape.reduce((product, side) => product * side, 4)
  if (end - start !== sizeBytes) {
    const expected = `${sizeBytes} bytes for shape [${shape.join(', ')}]`
    throw new UpdateFault('format', { tensor: name, expected, received: `${end - start} bytes` })
  }
  return { name, shape, start, end }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}
