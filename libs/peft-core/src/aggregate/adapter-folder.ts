/**
 * PEFT folders as contributions: their factors stay on disk and are read by range.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeftConfig } from '../adapter/peft-config.js'
import { parsePeftConfig } from '../adapter/peft-json.js'
import { readSafetensorsHeader } from '../adapter/safetensors.js'
import type { TensorSlice } from '../adapter/safetensors-header.js'
import { floatTensor } from '../adapter/values.js'
import { elementBytes } from '../graph/graph.js'
import type { RangeFile } from '../update/range-file.js'
import type { FilePool } from './file-pool.js'
import { expectRange, type TensorSource } from './tensor-source.js'

/** An adapter whose tensors stay on disk. */
export interface StoredAdapter {
  readonly config: PeftConfig
  readonly tensors: TensorSource
}

/** Opens a PEFT folder of any trainer, in any precision. RangeError or TypeError names the file and what does not fit. */
export async function openAdapterFolder(folder: string, pool: FilePool): Promise<StoredAdapter> {
  const path = join(folder, 'adapter_model.safetensors')
  const text = await readFile(join(folder, 'adapter_config.json'), 'utf8')
  const { tensors: slices } = await readSafetensorsHeader(path)
  return { config: parsePeftConfig(text), tensors: safetensorsSource(path, slices, pool) }
}

/** The floating-point tensors of a safetensors file. */
export function safetensorsSource(
  path: string,
  slices: ReadonlyMap<string, TensorSlice>,
  pool: FilePool,
): TensorSource {
  return {
    shapes: new Map([...slices].map(([name, { shape }]) => [name, shape])),
    async read(name, start, into) {
      const { element, offset, sizeBytes } = slices.get(name) ?? none
      const width = elementBytes[element]
      expectRange(name, sizeBytes / width, start, into.length)
      const bytes =
        element === 'float32'
          ? new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
          : new Uint8Array(into.length * width)
      await pool.use(path, (file) => readWhole(file, bytes, offset + start * width))
      if (element !== 'float32') into.set(floatTensor({ element, shape: [into.length], bytes }).data)
    },
  }
}

const none: TensorSlice = { element: 'float32', shape: [], offset: 0, sizeBytes: 0 }

/** Fills `bytes` from `position` on. RangeError when the file ends before. */
export async function readWhole(file: RangeFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const count = await file.readInto(bytes.subarray(done), position + done)
    if (count === 0) throw new RangeError(`file expected ${bytes.length} bytes at ${position}, got ${done}`)
    done += count
  }
}
