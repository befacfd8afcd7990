/**
 * What an optimiser remembers, as a safetensors file.
 * @module
 */
import { decodeSafetensors, readSafetensors } from '../adapter/safetensors.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { rawTensor, type Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import type { OptimizerState } from './adamw.js'

const STEP = 'step'
const FIRST = 'first:' // moments, by the name of their parameter
const SECOND = 'second:'
const MISSED = 'missed:' // steps, where there were any

/** The bytes of a file that `readOptimizerState` reads bit for bit; of at most 2^24 steps. */
export function encodeOptimizerState({ step, first, second, missed }: OptimizerState): Uint8Array {
  const tensors = new Map<string, Tensor>([[STEP, { shape: [1], data: Float32Array.of(step) }]])
  for (const [name, tensor] of first) tensors.set(`${FIRST}${name}`, tensor)
  for (const [name, tensor] of second) tensors.set(`${SECOND}${name}`, tensor)
  for (const [name, steps] of missed ?? [])
    tensors.set(`${MISSED}${name}`, { shape: [1], data: Float32Array.of(steps) })
  return encodeSafetensors(new Map([...tensors].map(([name, tensor]) => [name, rawTensor(tensor)])))
}

/** Reads a file by its path, or its bytes. RangeError when it is no safetensors file. */
export async function readOptimizerState(file: string | Uint8Array): Promise<OptimizerState> {
  const first = new Map<string, Tensor>()
  const second = new Map<string, Tensor>()
  const missed = new Map<string, number>()
  let step = 0
  const tensors = typeof file === 'string' ? await readSafetensors(file) : decodeSafetensors(file)
  for (const [name, raw] of tensors) {
    const tensor = floatTensor(raw)
    if (name === STEP) step = tensor.data[0] as number
    else if (name.startsWith(FIRST)) first.set(name.slice(FIRST.length), tensor)
    else if (name.startsWith(MISSED)) missed.set(name.slice(MISSED.length), tensor.data[0] as number)
    else second.set(name.slice(SECOND.length), tensor)
  }
  return { step, first, second, ...(missed.size === 0 ? {} : { missed }) }
}
