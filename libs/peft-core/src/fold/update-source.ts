/**
 * Staged updates as sources of tensors, in any encoding: their values stay on disk and are read by range.
 * @module
 */
import { createHash } from 'node:crypto'
import { bfloat16ToFloat32 } from '../adapter/half.js'
import { BLOCK_VALUES, blockCount, codeBytes, dequantizeBlocks } from '../adapter/quantize.js'
import { sizeOf } from '../graph/graph.js'
import { bitsOf, type UpdateEncoding } from '../update/update-encoding.js'
import {
  readUpdateLayout,
  type Shapes,
  type UpdateLayout,
  type UpdateTensor,
} from '../update/update-layout.js'
import type { FilePool } from './file-pool.js'
import { readFloats, readWhole } from './float-ranges.js'
import { expectRange, type TensorRange, type TensorSource } from './tensor-source.js'

/**
 * Opens updates with these tensors. Updates whose headers are the same share what was read of it, so that many of them take
 * little memory. The returned function throws UpdateFault for a file that is no such update.
 */
export function updateSources(shapes: Shapes, pool: FilePool): (path: string) => Promise<TensorSource> {
  const known = new Map<string, Places>()
  return async (path) => {
    const { header, layout } = await pool.use(path, (file) =>
      readUpdateLayout(file.sizeBytes, shapes, async (offset, length) => {
        const bytes = new Uint8Array(length)
        await readWhole(file, bytes, offset)
        return bytes
      }),
    )
    const key = createHash('sha256').update(header).digest('base64')
    const places = known.get(key) ?? placesOf(layout)
    known.set(key, places)
    const stored = { path, pool }
    if (places.encoding === 'f32') {
      const readAll = (ranges: readonly TensorRange[]): Promise<void> =>
        readFloats(stored, ranges, (range) => placeOf(places, range).start + 4 * range.start)
      const read: TensorSource['read'] = (name, start, into) => readAll([{ name, start, into }])
      const positionOf = (name: string): number =>
        placeOf(places, { name, start: 0, into: new Float32Array(0) }).start
      return { shapes, read, readAll, ...(pool.isBlocking ? { stored: { path, positionOf } } : {}) }
    }
    const read: TensorSource['read'] = (name, start, into) =>
      readValues(stored, places, { name, start, into })
    return { shapes, read }
  }
}

/** Where the values of each tensor are. */
interface Places {
  readonly encoding: UpdateEncoding
  readonly tensors: ReadonlyMap<string, UpdateTensor>
}

function placesOf({ encoding, tensors }: UpdateLayout): Places {
  return { encoding, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) }
}

function placeOf({ tensors }: Places, { name, start, into }: TensorRange): UpdateTensor {
  const place = tensors.get(name)
  expectRange(name, place === undefined ? 0 : sizeOf(place.shape), start, into.length)
  return place as UpdateTensor
}

async function readValues(
  { path, pool }: { readonly path: string; readonly pool: FilePool },
  places: Places,
  range: TensorRange,
): Promise<void> {
  const { start, into } = range
  const { encoding } = places
  const place = placeOf(places, range)
  const read = (position: number, length: number): Promise<Uint8Array> =>
    pool.use(path, async (file) => {
      const bytes = new Uint8Array(length)
      await readWhole(file, bytes, position)
      return bytes
    })
  const bits = bitsOf[encoding]
  if (bits !== undefined && place.scalesStart !== null) {
    const skipped = start % BLOCK_VALUES // codes are read from the start of a block on
    const values = skipped === 0 ? into : new Float32Array(skipped + into.length)
    const codes = await read(place.start + codeBytes(start - skipped, bits), codeBytes(values.length, bits))
    const firstScale = place.scalesStart + (2 * (start - skipped)) / BLOCK_VALUES
    const scales = await read(firstScale, 2 * blockCount(values.length))
    dequantizeBlocks(values, { codes, scales }, bits)
    if (values !== into) into.set(values.subarray(skipped))
  } else {
    const bytes = await read(place.start + 2 * start, 2 * into.length)
    into.set(bfloat16ToFloat32(new Uint16Array(bytes.buffer)))
  }
}
