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
import type { FilePool } from '../fold/file-pool.js'
import { readFloats, readWhole } from '../fold/float-ranges.js'
import { expectRange, type TensorRange, type TensorSource } from '../fold/tensor-source.js'
import { elementBytes } from '../graph/graph.js'

/** An adapter whose tensors stay on disk. */
export interface StoredAdapter {
  readonly config: PeftConfig
  readonly tensors: TensorSource
}

/** Opens a PEFT folder of any trainer, in any precision. RangeError names the file and what does not fit. */
export async function openAdapterFolder(folder: string, pool: FilePool): Promise<StoredAdapter> {
  const [configFile, path] = [join(folder, 'adapter_config.json'), join(folder, 'adapter_model.safetensors')]
  const text = await readFile(configFile, 'utf8')
  const { tensors: slices } = await readSafetensorsHeader(path)
  return { config: configIn(configFile, text), tensors: safetensorsSource(path, slices, pool) }
}

function configIn(file: string, text: string): PeftConfig {
  try {
    return parsePeftConfig(text)
  } catch (cause) {
    throw new RangeError(`${file}: ${(cause as Error).message}`, { cause })
  }
}

/** The floating-point tensors of a safetensors file. */
export function safetensorsSource(
  path: string,
  slices: ReadonlyMap<string, TensorSlice>,
  pool: FilePool,
): TensorSource {
  const read = async (name: string, start: number, into: Float32Array): Promise<void> => {
    const { element, offset } = sliceOf({ name, start, into })
    const width = elementBytes[element]
    const bytes = new Uint8Array(into.length * width)
    await pool.use(path, (file) => readWhole(file, bytes, offset + start * width))
    into.set(floatTensor({ element, shape: [into.length], bytes }).data)
  }
  const sliceOf = ({ name, start, into }: TensorRange): TensorSlice => {
    const slice = slices.get(name)
    const values = slice === undefined ? 0 : slice.sizeBytes / elementBytes[slice.element]
    expectRange(name, values, start, into.length)
    return slice as TensorSlice
  }
  const isPlain = [...slices.values()].every(({ element }) => element === 'float32')
  const readAll = (ranges: readonly TensorRange[]): Promise<void> =>
    readFloats({ path, pool }, ranges, (range) => sliceOf(range).offset + 4 * range.start)
  const shapes = new Map([...slices].map(([name, { shape }]) => [name, shape]))
  if (!isPlain) return { shapes, read }
  const positionOf = (name: string): number => sliceOf({ name, start: 0, into: new Float32Array(0) }).offset
  return {
    ...{ shapes, read: (name, start, into) => readAll([{ name, start, into }]), readAll },
    ...(pool.isBlocking ? { stored: { path, positionOf } } : {}),
  }
}
