/**
 * What a server optimiser remembers, as a safetensors file in float64: `first:NAME`, `second:NAME` and `rounds:NAME`, with the
 * optimiser's name in the metadata.
 * @module
 */
import { decodeSafetensors } from '../adapter/safetensors.js'
import { parseSafetensorsHeader } from '../adapter/safetensors-header.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import type { RawTensor } from '../adapter/tensor.js'
import { type Moments, type ServerOptimizer, type ServerState, serverOptimizers } from './server-optimizer.js'

/** The bytes of a file that `decodeServerState` reads bit for bit. */
export function encodeServerState({ optimizer, moments }: ServerState): Uint8Array {
  const tensors = new Map<string, RawTensor>()
  for (const [name, { rounds, first, second }] of moments) {
    tensors.set(`rounds:${name}`, rawDoubles(Float64Array.of(rounds)))
    tensors.set(`first:${name}`, rawDoubles(first))
    if (second.length > 0) tensors.set(`second:${name}`, rawDoubles(second))
  }
  return encodeSafetensors(tensors, { optimizer })
}

/** RangeError when the bytes are no such file. */
export function decodeServerState(file: Uint8Array): ServerState {
  const stated = parseSafetensorsHeader(file, file.length).metadata.get('optimizer')
  const optimizer = serverOptimizers.find((known) => known === stated)
  if (optimizer === undefined)
    throw new RangeError(
      `the optimiser's state expected one of ${serverOptimizers.join(', ')}, got ${stated ?? 'none'}`,
    )
  const tensors = decodeSafetensors(file)
  const names = [...tensors.keys()].filter((key) => key.startsWith('rounds:')).map((key) => key.slice(7))
  const known = new Set(names.flatMap((name) => keysOf(name, optimizer)))
  const other = [...tensors.keys()].find((key) => !known.has(key))
  if (other !== undefined) throw new RangeError(`the optimiser's state has a tensor "${other}" of no use`)
  return { optimizer, moments: new Map(names.map((name) => [name, momentsOf(name, optimizer, tensors)])) }
}

const keysOf = (name: string, optimizer: ServerOptimizer['optimizer']): readonly string[] => [
  `rounds:${name}`,
  `first:${name}`,
  ...(optimizer === 'fedavgm' ? [] : [`second:${name}`]),
]

function momentsOf(
  name: string,
  optimizer: ServerOptimizer['optimizer'],
  tensors: ReadonlyMap<string, RawTensor>,
): Moments {
  const [rounds, first, second = new Float64Array(0)] = keysOf(name, optimizer).map((key) =>
    doublesOf(key, tensors.get(key)),
  )
  return { rounds: rounds?.[0] ?? 0, first: first ?? new Float64Array(0), second }
}

function rawDoubles(values: Float64Array): RawTensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return { element: 'float64', shape: [values.length], bytes }
}

function doublesOf(key: string, tensor: RawTensor | undefined): Float64Array {
  if (tensor?.element !== 'float64')
    throw new RangeError(
      `the optimiser's state expected float64 in "${key}", got ${tensor?.element ?? 'none'}`,
    )
  return new Float64Array(Uint8Array.from(tensor.bytes).buffer) // slice() of a Buffer is no copy
}
