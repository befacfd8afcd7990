/**
 * The header of a safetensors file, read strictly: what the reference implementation accepts, and no more.
 * Spec: https://github.com/huggingface/safetensors#format
 * @module
 */
import type { Element, TensorType } from '../graph/graph.js'
import { tensorBytes } from './tensor.js'

/** The reference implementation reads no longer header. */
export const maxHeaderBytes = 100_000_000

/** A tensor of a file, with the place of its bytes counted from the start of the file. */
export interface TensorSlice extends TensorType {
  readonly offset: number
  readonly sizeBytes: number
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorSlice> // in the order of their bytes
  readonly metadata: ReadonlyMap<string, string>
}

/** The names of elements in a header, in the order in which the reference implementation ranks them. */
export const dtypes: readonly (readonly [dtype: string, element: Element])[] = [
  ['BOOL', 'bool'],
  ['U8', 'uint8'],
  ['I8', 'int8'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['F32', 'float32'],
  ['F64', 'float64'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
]

const elements = new Map(dtypes)

/** How many bytes of a file its header takes, from its first 8 bytes. RangeError when the file cannot hold that many. */
export function headerBytes(start: Uint8Array, fileSizeBytes: number): number {
  if (start.length < 8)
    throw new RangeError(`expected a safetensors file, which has 8 bytes or more, got ${fileSizeBytes}`)
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true))
  if (length > maxHeaderBytes || length + 8 > fileSizeBytes) {
    const most = Math.max(0, Math.min(maxHeaderBytes, fileSizeBytes - 8))
    throw new RangeError(
      `expected a safetensors header of at most ${most} bytes, got ${length}; is this a safetensors file?`,
    )
  }
  return 8 + length
}

/**
 * The tensors of a safetensors file of `fileSizeBytes`, from its first bytes (all of the header, or more).
 * RangeError unless header and size fit exactly: no gap, overlap, trailing byte, duplicate name or unknown field.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSizeBytes: number): SafetensorsHeader {
  const dataStart = headerBytes(bytes.subarray(0, 8), fileSizeBytes)
  if (bytes.length < dataStart)
    throw new RangeError(`expected the ${dataStart} bytes of the header, got ${bytes.length}`)
  const { __metadata__: metadata, ...entries } = parseJson(bytes.subarray(8, dataStart))
  const slices = Object.entries(entries).map(([name, entry]) => [name, parseEntry(name, entry)] as const)
  slices.sort(([, left], [, right]) => left.begin - right.begin || left.end - right.end)
  let position = 0
  for (const [name, { begin, end }] of slices) {
    if (begin !== position) {
      throw new RangeError(
        `tensor "${name}" expected to begin at byte ${position} of the data, got ${begin} (a gap or an overlap)`,
      )
    }
    position = end
  }
  if (dataStart + position !== fileSizeBytes) {
    throw new RangeError(
      `the tensors take ${position} bytes, the file has ${fileSizeBytes - dataStart} bytes of data`,
    )
  }
  const place = ({ element, shape, begin, end }: Entry): TensorSlice => ({
    element,
    shape,
    offset: dataStart + begin,
    sizeBytes: end - begin,
  })
  return {
    tensors: new Map(slices.map(([name, entry]) => [name, place(entry)])),
    metadata: parseMetadata(metadata),
  }
}

interface Entry extends TensorType {
  readonly begin: number
  readonly end: number
}

function parseEntry(name: string, entry: unknown): Entry {
  const fields = isRecord(entry) ? entry : {}
  const { dtype, shape, data_offsets: offsets, ...unknown } = fields
  const [extra] = Object.keys(unknown)
  if (extra !== undefined)
    throw new RangeError(`tensor "${name}" has a field "${extra}" that safetensors does not know`)
  const element = elements.get(dtype as string)
  if (element === undefined) {
    const known = dtypes.map(([code]) => code).join(', ')
    throw new RangeError(`tensor "${name}" expected a dtype of ${known}, got ${JSON.stringify(dtype)}`)
  }
  if (!isSizes(shape))
    throw new RangeError(`tensor "${name}" expected a shape of whole numbers, got ${JSON.stringify(shape)}`)
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new RangeError(
      `tensor "${name}" expected data_offsets [begin, end], got ${JSON.stringify(offsets)}`,
    )
  }
  const [begin, end] = offsets as [number, number]
  const sizeBytes = tensorBytes({ element, shape })
  if (end - begin !== sizeBytes) {
    throw new RangeError(
      `tensor "${name}" (${shape.join(', ')}) of ${dtype} expected ${sizeBytes} bytes, got ${end - begin}`,
    )
  }
  return { element, shape, begin, end }
}

function parseMetadata(metadata: unknown): ReadonlyMap<string, string> {
  if (metadata === undefined) return new Map()
  const entries = isRecord(metadata) ? Object.entries(metadata) : [['__metadata__', metadata] as const]
  return new Map(
    entries.map(([key, value]) => {
      if (typeof value === 'string') return [key, value]
      throw new RangeError(`metadata "${key}" expected text, got ${JSON.stringify(value)}`)
    }),
  )
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value: unknown = JSON.parse(text)
    if (bytes[0] !== 0x7b || !isRecord(value))
      throw new RangeError('expected a JSON object that begins with "{"')
    const duplicate = duplicateKey(text)
    if (duplicate !== undefined) throw new RangeError(`"${duplicate}" appears twice`)
    return value
  } catch (cause) {
    throw new RangeError(`safetensors header: ${(cause as Error).message}`, { cause })
  }
}

/** The first key that an object of a valid JSON text has twice; JSON.parse would silently keep the last. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, quoted] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (quoted !== undefined) {
      const key = JSON.parse(quoted) as string
      if (open.at(-1)?.has(key)) return key
      open.at(-1)?.add(key)
    }
  }
  return undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0)
}
