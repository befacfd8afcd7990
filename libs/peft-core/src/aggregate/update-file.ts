import { open } from 'node:fs/promises'
import type { TensorMap } from '../adapter/tensor.js'
import { type UpdateTensor, updateLayout } from './update-layout.js'

/** Consecutive values of one tensor. `values` is reused for the next chunk: copy what is kept. */
export interface TensorChunk {
  readonly name: string
  readonly offset: number // of the first value in the tensor, row-major
  readonly values: Float32Array
}

/** A file that is read by range. */
export interface RangeFile {
  readonly sizeBytes: number
  /** Fills `bytes` from `position` on, and says how many it got: 0 at the end. */
  readInto(bytes: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** Opens a file to be read by range. */
export type OpenFile = (path: string) => Promise<RangeFile>

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
export async function openUpdateFile(path: string, openFile: OpenFile = openOnDisk): Promise<UpdateFile> {
  const file = await openFile(path)
  try {
    const { sizeBytes } = file
    const { header, tensors } = await updateLayout(sizeBytes, (offset, length) =>
      readRange(file, offset, length),
    )
    const close = () => file.close()
    return {
      header,
      tensors,
      sizeBytes,
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
export async function* updateChunks(path: string, openFile?: OpenFile): AsyncGenerator<TensorChunk> {
  const file = await openUpdateFile(path, openFile)
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

// Tensors lie one after the other, so small ones share a read.
async function* chunksOf(file: RangeFile, tensors: readonly UpdateTensor[]): AsyncGenerator<TensorChunk> {
  const values = new Float32Array(CHUNK_VALUES)
  const bytes = new Uint8Array(values.buffer)
  const end = tensors.at(-1)?.end ?? 0
  let next = 0
  for (let start = tensors[0]?.start ?? 0; start < end; start += bytes.byteLength) {
    const stop = Math.min(end, start + bytes.byteLength)
    await readInto(file, bytes.subarray(0, stop - start), start)
    for (let tensor = tensors[next]; tensor !== undefined && tensor.start < stop; tensor = tensors[next]) {
      const from = Math.max(start, tensor.start)
      const to = Math.min(stop, tensor.end)
      const part = values.subarray((from - start) / 4, (to - start) / 4)
      if (part.length > 0) yield { name: tensor.name, offset: (from - tensor.start) / 4, values: part }
      if (tensor.end > stop) break
      next++
    }
  }
}

async function readRange(file: RangeFile, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await readInto(file, bytes, offset)
  return bytes
}

async function readInto(file: RangeFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const count = await file.readInto(bytes.subarray(done), position + done)
    if (count === 0)
      throw new RangeError(`file expected ${bytes.byteLength} bytes at ${position}, got ${done}`)
    done += count
  }
}

const openOnDisk: OpenFile = async (path) => {
  const file = await open(path, 'r')
  try {
    return {
      sizeBytes: (await file.stat()).size,
      readInto: async (bytes, position) => (await file.read(bytes, 0, bytes.byteLength, position)).bytesRead,
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}
