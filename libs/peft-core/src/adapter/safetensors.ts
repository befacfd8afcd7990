/**
 * Safetensors files, read strictly.
 * Spec: https://github.com/huggingface/safetensors#format
 * @module
 */
import { type FileHandle, open } from 'node:fs/promises'
import { extname } from 'node:path'
import { headerBytes, parseSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js'
import type { RawTensor } from './tensor.js'

const pickles = new Set(['.bin', '.pt', '.pth', '.ckpt', '.pkl', '.pickle'])

/** The tensors of a safetensors file that lies in memory; their bytes are views of it. RangeError as the header parser. */
export function decodeSafetensors(file: Uint8Array): ReadonlyMap<string, RawTensor> {
  const { tensors } = parseSafetensorsHeader(file, file.length)
  return new Map(
    [...tensors].map(([name, { element, shape, offset, sizeBytes }]) => [
      name,
      { element, shape, bytes: file.subarray(offset, offset + sizeBytes) },
    ]),
  )
}

/** The header of a file, without reading its data. RangeError names the file; a pickle is refused and never opened. */
export function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, async (file) => {
    const { size } = await file.stat()
    const start = await readAt(file, 0, Math.min(8, size))
    return parseSafetensorsHeader(await readAt(file, 0, headerBytes(start, size)), size)
  })
}

/**
 * The tensors of a file, or only the named ones. RangeError names the file, and a tensor that it does not have;
 * a pickle is refused and never opened.
 */
export async function readSafetensors(
  path: string,
  names?: readonly string[],
): Promise<ReadonlyMap<string, RawTensor>> {
  const { tensors } = await readSafetensorsHeader(path)
  return withFile(path, async (file) => {
    const read = new Map<string, RawTensor>()
    for (const name of names ?? tensors.keys()) {
      const slice = tensors.get(name)
      if (slice === undefined)
        throw new RangeError(`expected a tensor "${name}"; the file has none of that name`)
      const { element, shape, offset, sizeBytes } = slice
      read.set(name, { element, shape, bytes: await readAt(file, offset, sizeBytes) })
    }
    return read
  })
}

/** RangeError for a file that Python would unpickle: such a file can run code, so it is never opened. */
export function refusePickle(path: string): void {
  if (!pickles.has(extname(path).toLowerCase())) return
  throw new RangeError(
    `${path}: expected a .safetensors file, got a pickle, which can run code and is never opened; ` +
      'save it again with safe_serialization=True',
  )
}

async function withFile<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  refusePickle(path)
  const file = await open(path, 'r')
  try {
    return await read(file)
  } catch (cause) {
    throw new RangeError(`${path}: ${(cause as Error).message}`, { cause })
  } finally {
    await file.close()
  }
}

async function readAt(file: FileHandle, offset: number, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  let filled = 0
  while (filled < sizeBytes) {
    const { bytesRead } = await file.read(
      bytes,
      filled,
      Math.min(sizeBytes - filled, 2 ** 30),
      offset + filled,
    )
    if (bytesRead === 0)
      throw new RangeError(`expected ${sizeBytes} bytes at ${offset}, the file ended after ${filled}`)
    filled += bytesRead
  }
  return bytes
}
