import { blockCount } from '../adapter/quantize.js'
import {
  headerBytes,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  type TensorSlice,
} from '../adapter/safetensors-header.js'
import { sizeOf } from '../graph/graph.js'
import {
  bitsOf,
  elementOf,
  SCALES,
  storedShape,
  type UpdateEncoding,
  updateEncodings,
} from './update-encoding.js'
import { UpdateFault } from './update-fault.js'

/** The tensors that an adapter has. */
export type Shapes = ReadonlyMap<string, readonly number[]>

/** Where one tensor of an update is, in bytes from the start of the file. */
export interface UpdateTensor {
  readonly name: string
  readonly shape: readonly number[] // of its values, whatever they are stored as
  readonly start: number
  readonly end: number
  readonly scalesStart: number | null // of the bfloat16 scales, where the encoding has them
}

export interface UpdateLayout {
  readonly encoding: UpdateEncoding
  readonly tensors: readonly UpdateTensor[] // in the order of the file
}

const MAX_HEADER_BYTES = 16 * 1024 * 1024 // an adapter of 100,000 tensors needs less

/**
 * How many bytes of an update of `sizeBytes` its header takes, from its first bytes; undefined while there are fewer than
 * say it. Throws UpdateFault when it cannot be so many.
 */
export function headerLength(start: Uint8Array, sizeBytes: number): number | undefined {
  if (start.byteLength < 8 && start.byteLength < sizeBytes) return undefined
  const length = formatted(headerBytes, start.subarray(0, 8), sizeBytes)
  if (length <= MAX_HEADER_BYTES) return length
  const expected = `a header of at most ${MAX_HEADER_BYTES} bytes`
  throw new UpdateFault('format', { expected, received: `${length} bytes` })
}

/** Reads the header of an update of `sizeBytes`, and what it says. Throws UpdateFault as `updateLayout`. */
export async function readUpdateLayout(
  sizeBytes: number,
  shapes: Shapes,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<{ readonly header: Uint8Array; readonly layout: UpdateLayout }> {
  const length = headerLength(await read(0, Math.min(8, sizeBytes)), sizeBytes) ?? 0
  const header = await read(0, length)
  return { header, layout: updateLayout(sizeBytes, shapes, header) }
}

/**
 * What the header of an update of `sizeBytes` says: a safetensors file in one of the encodings, whose tensors are exactly those
 * of `shapes` and fill it without gaps. Throws UpdateFault for the first thing that is wrong.
 */
export function updateLayout(sizeBytes: number, shapes: Shapes, header: Uint8Array): UpdateLayout {
  const { tensors: slices, metadata } = formatted(parseSafetensorsHeader, header, sizeBytes)
  const encoding = encodingOf(metadata)
  const scales = new Map<string, TensorSlice>()
  const tensors: UpdateTensor[] = []
  for (const [name, slice] of slices) {
    const shape = shapes.get(name)
    const owner = name.endsWith(SCALES) ? name.slice(0, -SCALES.length) : name
    if (shape !== undefined) {
      expectType(name, slice, { element: elementOf[encoding], shape: storedShape(shape, encoding) })
      const { offset: start } = slice
      tensors.push({ name, shape, start, end: start + slice.sizeBytes, scalesStart: null })
    } else if (bitsOf[encoding] !== undefined && shapes.has(owner)) {
      const count = blockCount(sizeOf(shapes.get(owner) ?? []))
      expectType(name, slice, { element: 'bfloat16', shape: [count] })
      scales.set(owner, slice)
    } else throw wrongNames(shapes, `also ${name}`)
  }
  expectAll(shapes, new Set(tensors.map(({ name }) => name)), '')
  if (bitsOf[encoding] === undefined) return { encoding, tensors }
  expectAll(shapes, scales, SCALES)
  const placed = tensors.map((tensor) => ({
    ...tensor,
    scalesStart: scales.get(tensor.name)?.offset ?? null,
  }))
  return { encoding, tensors: placed }
}

function encodingOf(metadata: SafetensorsHeader['metadata']): UpdateEncoding {
  const stated = metadata.get('encoding') ?? 'f32'
  const known = updateEncodings.find((encoding) => encoding === stated)
  if (known !== undefined) return known
  const expected = `an encoding of ${updateEncodings.join(', ')}`
  throw new UpdateFault('element', { expected, received: stated.slice(0, 40) })
}

function expectType(
  tensor: string,
  found: TensorSlice,
  wanted: Pick<TensorSlice, 'element' | 'shape'>,
): void {
  const { element, shape } = wanted
  if (found.element !== element) {
    throw new UpdateFault('element', { tensor, expected: element, received: found.element })
  }
  if (shape.length === found.shape.length && shape.every((side, axis) => side === found.shape[axis])) return
  const expected = `shape [${shape.join(', ')}]`
  throw new UpdateFault('shape', { tensor, expected, received: `[${found.shape.join(', ')}]` })
}

function expectAll(shapes: Shapes, present: { has(name: string): boolean }, suffix: string): void {
  const missing = [...shapes.keys()].find((name) => !present.has(name))
  if (missing !== undefined) throw wrongNames(shapes, `none named ${missing}${suffix}`)
}

function wrongNames(shapes: Shapes, received: string): UpdateFault {
  return new UpdateFault('names', { expected: `the ${shapes.size} tensors of the adapter`, received })
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
