import { type FileHandle, open } from 'node:fs/promises'
import type { TensorMap } from '../adapter/tensor.js'
import { type UpdateTensor, updateLayout } from './update-layout.js'

/** Consecutive values of one tensor. `values` is reused for the next chunk: copy what is kept. */
export interface TensorChunk {
  readonly name: string
  readonly offset: number // of the first value in the tensor, row-major
  readonly values: Float32Array
}

/** An update on disk that is read piece by piece, so memory does not grow with its size. */
export interface UpdateFile extends AsyncDisposable {
  readonly header: Uint8Array // the bytes before the first value
  readonly tensors: readonly UpdateTensor[] // in the order of the file
  readonly sizeBytes: number
  chunks(): AsyncIterable<TensorChunk>
  close(): Promise<void>
}

const CHUNK_VALUES = 64 * 1024

/** Opens a safetensors file of 32-bit floats. Throws UpdateFault when its header, offsets or element types are wrong. */
export async function openUpdateFile(path: string): Promise<UpdateFile> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { header, tensors } = await updateLayout(size, (offset, length) => readRange(file, offset, length))
    const close = () => file.close()
    return {
      header,
      tensors,
      sizeBytes: size,
      chunks: () => chunksOf(file, tensors),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The chunks of a file that is opened when the first is asked for, and closed after the last. */
export async function* updateChunks(path: string): AsyncGenerator<TensorChunk> {
  const file = await openUpdateFile(path)
  try {
    yield* file.chunks()
  } finally {
    await file.close()
  }
}

/** Tensors in memory as chunks: one for each tensor. */
export async function* tensorChunks(tensors: TensorMap): AsyncGenerator<TensorChunk> {
  for (const [name, tensor] of tensors) yield { name, offset: 0, values: tensor.data }
}

async function* chunksOf(
  file: FileHandle,
  tensors: readonly UpdateTensor[],
): AsyncGenerator<TensorChunk> {
  const values = new Float32Array(CHUNK_VALUES)
  const bytes = new Uint8Array(values.buffer)
  for (const tensor of tensors) {
    const count = (tensor.end - tensor.start) / 4
    for (let offset = 0; offset < count; offset += CHUNK_VALUES) {
      const length = Math.min(CHUNK_VALUES, count - offset)
      await readInto(file, bytes.subarray(0, length * 4), tensor.start + offset * 4)
      yield { name: tensor.name, offset, values: values.subarray(0, length) }
    }
  }
}

async function readRange(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await readInto(file, bytes, offset)
  return bytes
}

async function readInto(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const { bytesRead } = await file.read(bytes, done, bytes.byteLength - done, position + done)
    if (bytesRead === 0)
      throw new RangeError(`file expected ${bytes.byteLength} bytes at ${position}, got ${done}`)
    done += bytesRead
  }
}
