/**
 * A control of SCAFFOLD, c or c_k, as a safetensors file: the names and shapes are those of the adapter.
 * @module
 */
import { decodeSafetensors } from '../adapter/safetensors.js'
import { parseSafetensorsHeader } from '../adapter/safetensors-header.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { rawTensor, type TensorMap } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'

const KIND = 'scaffold-control'

/** The bytes of a file that `decodeControl` reads bit for bit. */
export function encodeControl(control: TensorMap): Uint8Array {
  const raw = new Map([...control].map(([name, tensor]) => [name, rawTensor(tensor)]))
  return encodeSafetensors(raw, { format: 'pt', lorica: KIND })
}

/** RangeError when the bytes are no such file, such as an adapter of the same names. */
export function decodeControl(file: Uint8Array): TensorMap {
  const kind = parseSafetensorsHeader(file, file.length).metadata.get('lorica')
  if (kind !== KIND) throw new RangeError(`the file expected to be a ${KIND}, got ${kind ?? 'none'}`)
  return new Map([...decodeSafetensors(file)].map(([name, raw]) => [name, floatTensor(raw)]))
}
