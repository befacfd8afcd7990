/**
 * Safetensors files, written byte for byte as the reference implementation writes them.
 * Spec: https://github.com/huggingface/safetensors#format
 * @module
 */
import { open, rm } from 'node:fs/promises'
import type { TensorType } from '../graph/graph.js'
import { dtypes } from './safetensors-header.js'
import { type RawTensor, tensorBytes } from './tensor.js'

const rankOf = new Map(dtypes.map(([, element], rank) => [element, rank]))
const dtypeOf = new Map(dtypes.map(([dtype, element]) => [element, dtype]))

const PYTORCH: Readonly<Record<string, string>> = { format: 'pt' }

/**
 * A safetensors file with the given tensors, ordered as the reference implementation orders them (wide elements first,
 * then by name), so the same tensors are the same bytes whoever wrote them.
 * RangeError when a tensor's bytes do not fill its shape, or its element has no name in the format.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = PYTORCH,
): Uint8Array {
  const { header, names, sizeBytes } = layOut(tensors, metadata)
  const file = new Uint8Array(header.length + sizeBytes)
  file.set(header)
  let position = header.length
  for (const name of names) {
    const tensor = tensors.get(name) as RawTensor
    expectFilled(name, tensor, tensor.bytes)
    file.set(tensor.bytes, position)
    position += tensor.bytes.length
  }
  return file
}

/**
 * Writes a safetensors file one tensor at a time: `bytesOf` is asked for each tensor's bytes in the order of the file,
 * so that no more than one of them is in memory. The file must not exist; it is removed again when something fails.
 * RangeError when a tensor's bytes do not fill its shape, or its element has no name in the format.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorType>,
  bytesOf: (name: string) => Promise<Uint8Array>,
): Promise<void> {
  const { header, names } = layOut(tensors, PYTORCH)
  const file = await open(path, 'wx')
  try {
    await file.writeFile(header)
    for (const name of names) {
      const bytes = await bytesOf(name)
      expectFilled(name, tensors.get(name) as TensorType, bytes)
      await file.writeFile(bytes)
    }
    await file.close()
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
}

interface Layout {
  /** The bytes before the data. */
  readonly header: Uint8Array
  /** In the order of their data. */
  readonly names: readonly string[]
  /** Of the data. */
  readonly sizeBytes: number
}

function layOut(
  tensors: ReadonlyMap<string, TensorType>,
  metadata: Readonly<Record<string, string>>,
): Layout {
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
  for (const [name, { element, shape }] of ordered) {
    const begin = end
    const dtype = dtypeOf.get(element)
    if (name === '__metadata__' || dtype === undefined)
      throw new RangeError(`tensor "${name}" of ${element} has no place in a safetensors file`)
    end += tensorBytes({ element, shape })
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`)
  }
  const json = Buffer.from(`{${fields.join(',')}}`)
  const paddedBytes = Math.ceil(json.length / 8) * 8
  const header = Buffer.alloc(8 + paddedBytes, ' ')
  header.writeBigUInt64LE(BigInt(paddedBytes))
  header.set(json, 8)
  return { header, names: ordered.map(([name]) => name), sizeBytes: end }
}

function expectFilled(name: string, type: TensorType, bytes: Uint8Array): void {
  const sizeBytes = tensorBytes(type)
  if (bytes.length === sizeBytes) return
  throw new RangeError(
    `tensor "${name}" (${type.shape.join(', ')}) expected ${sizeBytes} bytes, got ${bytes.length}`,
  )
}

/** The order of UTF-8 bytes, which is Rust's and Python's order of text; JavaScript's differs beyond U+FFFF. */
export function compareBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
