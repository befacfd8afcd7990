import { BLOCK_VALUES, blockCount, codeBytes, dequantizeBlocks } from '../adapter/quantize.js'
import { sizeOf } from '../graph/graph.js'
import { type OpenFile, openOnDisk, type RangeFile, windowOf } from './range-file.js'
import { bitsOf, type UpdateEncoding } from './update-encoding.js'
import { readUpdateLayout, type Shapes, type UpdateTensor } from './update-layout.js'

/** Consecutive values of one tensor. `values` is reused for the next chunk: copy what is kept. */
export interface TensorChunk {
  readonly name: string
  readonly offset: number // of the first value in the tensor, row-major
  readonly values: Float32Array
}

/** An update on disk that is read piece by piece, so memory does not grow with its size. */
export interface UpdateFile extends AsyncDisposable {
  readonly encoding: UpdateEncoding
  /** Its values as 32-bit floats, in the order of the file. */
  chunks(): AsyncIterable<TensorChunk>
  close(): Promise<void>
}

const CHUNK_VALUES = 64 * 1024 // a multiple of a block
const WINDOW_BYTES = 4 * CHUNK_VALUES

/** Opens an update of an adapter with these tensors, in any encoding. Throws UpdateFault when it is not one. */
export async function openUpdateFile(
  path: string,
  shapes: Shapes,
  open: OpenFile = openOnDisk,
): Promise<UpdateFile> {
  const file = await open(path)
  try {
    const { layout } = await readUpdateLayout(file.sizeBytes, shapes, (offset, length) =>
      readRange(file, offset, length),
    )
    const { encoding, tensors } = layout
    const close = () => file.close()
    return {
      encoding,
      chunks: () => chunksOf(file, tensors, encoding),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The chunks of a file that is opened when the first is asked for, and closed after the last. */
export async function* updateChunks(
  path: string,
  shapes: Shapes,
  open?: OpenFile,
): AsyncGenerator<TensorChunk> {
  const file = await openUpdateFile(path, shapes, open)
  try {
    yield* file.chunks()
  } finally {
    await file.close()
  }
}

async function* chunksOf(
  file: RangeFile,
  tensors: readonly UpdateTensor[],
  encoding: UpdateEncoding,
): AsyncGenerator<TensorChunk> {
  const readValues = windowOf(file, WINDOW_BYTES)
  const readScales = windowOf(file, WINDOW_BYTES / 4)
  const values = new Float32Array(CHUNK_VALUES)
  for (const { name, shape, start, scalesStart } of tensors) {
    const total = sizeOf(shape)
    for (let offset = 0; offset < total; offset += CHUNK_VALUES) {
      const part = values.subarray(0, Math.min(CHUNK_VALUES, total - offset))
      const stored = await readValues(
        start + storedBytes(offset, encoding),
        storedBytes(part.length, encoding),
      )
      const bits = bitsOf[encoding]
      if (bits === undefined || scalesStart === null) decodeFloats(part, stored, encoding)
      else {
        const scales = await readScales(
          scalesStart + (2 * offset) / BLOCK_VALUES,
          2 * blockCount(part.length),
        )
        dequantizeBlocks(part, { codes: stored, scales }, bits)
      }
      yield { name, offset, values: part }
    }
  }
}

/** Bytes of the first `count` values of a tensor. */
function storedBytes(count: number, encoding: UpdateEncoding): number {
  const bits = bitsOf[encoding]
  if (bits !== undefined) return codeBytes(count, bits)
  return count * (encoding === 'f32' ? 4 : 2)
}

function decodeFloats(into: Float32Array, bytes: Uint8Array, encoding: UpdateEncoding): void {
  if (encoding === 'f32') {
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes)
    return
  }
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length)
  for (let index = 0; index < bits.length; index++) {
    bits[index] = ((bytes[2 * index] as number) << 16) | ((bytes[2 * index + 1] as number) << 24)
  }
}

async function readRange(file: RangeFile, offset: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await windowOf(file, Math.max(1, length))(offset, length))
}
