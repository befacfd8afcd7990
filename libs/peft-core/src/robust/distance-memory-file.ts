/**
 * What is remembered of the distances of agents, as a safetensors file: `sums` and `counts` in float64, (K, K), and the agents' ids
 * as JSON in the metadata.
 * @module
 */
import { decodeSafetensors } from '../adapter/safetensors.js'
import { parseSafetensorsHeader } from '../adapter/safetensors-header.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import type { RawTensor } from '../adapter/tensor.js'
import type { Matrix } from '../linear-algebra/matrix.js'
import type { DistanceMemory } from './remembered-distances.js'

/** The bytes of a file that `decodeDistances` reads bit for bit. */
export function encodeDistances({ ids, sums, counts }: DistanceMemory): Uint8Array {
  const tensors = new Map([
    ['counts', rawMatrix(counts)],
    ['sums', rawMatrix(sums)],
  ])
  return encodeSafetensors(tensors, { agents: JSON.stringify(ids) })
}

/** RangeError when the bytes are no such file. */
export function decodeDistances(file: Uint8Array): DistanceMemory {
  const ids = idsOf(parseSafetensorsHeader(file, file.length).metadata.get('agents'))
  const tensors = decodeSafetensors(file)
  const read = (name: string): Matrix => matrixIn(name, tensors.get(name), ids.length)
  return { ids, sums: read('sums'), counts: read('counts') }
}

function idsOf(stated = 'null'): readonly string[] {
  let ids: unknown
  try {
    ids = JSON.parse(stated)
  } catch {
    ids = null
  }
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string') || new Set(ids).size < ids.length)
    throw new RangeError(
      `the remembered distances expected the ids of their agents, got ${stated.slice(0, 80)}`,
    )
  return ids
}

function rawMatrix({ rows, columns, data }: Matrix): RawTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { element: 'float64', shape: [rows, columns], bytes }
}

function matrixIn(name: string, tensor: RawTensor | undefined, size: number): Matrix {
  const received = tensor === undefined ? 'none' : `${tensor.element} (${tensor.shape.join(', ')})`
  if (tensor?.element !== 'float64' || tensor.shape.join() !== `${size},${size}`)
    throw new RangeError(
      `the remembered distances expected float64 (${size}, ${size}) in "${name}", got ${received}`,
    )
  const data = new Float64Array(Uint8Array.from(tensor.bytes).buffer) // slice() of a Buffer is no copy
  const wrong = data.find((value) => !(value >= 0) || !Number.isFinite(value))
  if (wrong !== undefined)
    throw new RangeError(
      `the remembered distances expected finite values of 0 or more in "${name}", got ${wrong}`,
    )
  return { rows: size, columns: size, data }
}
