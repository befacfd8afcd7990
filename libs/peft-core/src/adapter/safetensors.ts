/**
 * Safetensors files: read strictly, written byte for byte as the reference implementation writes them.
 * Spec: https://github.com/huggingface/safetensors#format
 * @module
 */
import { type FileHandle, open } from 'node:fs/promises'
import { extname } from 'node:path'
import { dtypes, headerBytes, parseSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js'
import { type RawTensor, tensorBytes } from './tensor.js'

const rankOf = new Map(dtypes.map(([, element], rank) => [element, rank]))
const dtypeOf = new Map(dtypes.map(([dtype, element]) => [element, dtype]))
const pickles = new Set(['.bin', '.pt', '.pth', '.ckpt', '.pkl', '.pickle'])

/**
 * A safetensors file with the given tensors, ordered as the reference implementation orders them (wide elements first,
 * then by name), so the same tensors are the same bytes whoever wrote them.
 * RangeError when a tensor's bytes do not fill its shape, or its element has no name in the format.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const ordered = [...tensors].sort(
    ([leftName, left], [rightName, right]) =>
      (rankOf.get(right.element) ?? 0) - (rankOf.get(left.element) ?? 0) || compareBytes(leftName, rightName),
  )
  const fields: string[] = []
  if (Object.keys(metadata).length > 0) {
    const sorted = Object.entries(metadata).sort(([left], [right]) => compareBytes(left, right))
    fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(sorted))}`)
  }
  let end = 0
  for (const [name, tensor] of ordered) {
    const begin = end
    end += checkedSize(name, tensor)
    const entry = { dtype: dtypeOf.get(tensor.element), shape: tensor.shape, data_offsets: [begin, end] }
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  }
  const json = Buffer.from(`{${fields.join(',')}}`)
  const paddedBytes = Math.ceil(json.length / 8) * 8
  const file = Buffer.alloc(8 + paddedBytes + end, ' ')
  file.writeBigUInt64LE(BigInt(paddedBytes))
  file.set(json, 8)
  let position = 8 + paddedBytes
  for (const [, { bytes }] of ordered) {
    file.set(bytes, position)
    position += bytes.length
  }
  return file
}

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

function checkedSize(name: string, tensor: RawTensor): number {
  const sizeBytes = tensorBytes(tensor)
  if (name === '__metadata__' || !dtypeOf.has(tensor.element)) {
    throw new RangeError(`tensor "${name}" of ${tensor.element} has no place in a safetensors file`)
  }
  if (tensor.bytes.length !== sizeBytes) {
    throw new RangeError(
      `tensor "${name}" (${tensor.shape.join(', ')}) expected ${sizeBytes} bytes, got ${tensor.bytes.length}`,
    )
  }
  return sizeBytes
}

/** The order of UTF-8 bytes, which is Rust's and Python's order of text; JavaScript's differs beyond U+FFFF. */
export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
