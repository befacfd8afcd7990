/**
 * The base model of every simulation, and how it is trained: small, and a function of its input to the bit.
 * @module
 */
import { createHash } from 'node:crypto'
import {
  type Adapter,
  createPeftConfig,
  encodeSafetensors,
  type ModelHash,
  rawTensor,
  type Tensor,
  type TensorMap,
} from '@lorica/peft-core'
import { createDice } from './dice.js'

const RANK = 2
const WIDTH = 128
const MODULES = ['q_proj', 'v_proj']

/** The files of the base. */
export const baseFiles: ReadonlyMap<string, Uint8Array> = new Map([
  ['config.json', Buffer.from(JSON.stringify({ model_type: 'simulated', hidden_size: WIDTH }))],
  [
    'model.safetensors',
    encodeSafetensors(
      new Map([['weight', rawTensor({ shape: [600], data: new Float32Array(600).fill(0.5) })]]),
    ),
  ],
])

/** The hash of a base by its files: that of their names and hashes. */
export function hashOfFiles(files: ReadonlyMap<string, Uint8Array>): ModelHash {
  const listed = [...files]
    .map(([path, bytes]) => ({ path, sha256: sha256Of(bytes), sizeBytes: bytes.byteLength }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  return { sha256: sha256Of(Buffer.from(JSON.stringify(listed))), files: listed }
}

/** The adapter that a run with a seed starts from. */
export function firstAdapter(seed: number): Adapter {
  const dice = createDice(`adapter ${seed}`)
  const tensors = new Map<string, Tensor>()
  for (const module of MODULES) {
    const prefix = `base_model.model.model.layers.0.self_attn.${module}`
    const first = Float32Array.from({ length: RANK * WIDTH }, () => dice.between(-0.1, 0.1))
    tensors.set(`${prefix}.lora_A.weight`, { shape: [RANK, WIDTH], data: first })
    tensors.set(`${prefix}.lora_B.weight`, { shape: [WIDTH, RANK], data: new Float32Array(RANK * WIDTH) })
  }
  const config = createPeftConfig({
    ...{ method: 'lora', rank: RANK, alpha: 4, targets: MODULES, rslora: false },
  })
  return { config, tensors }
}

export interface Training {
  readonly agent: number
  readonly seed: number
  readonly frozen?: readonly string[] | undefined // tensors that stay
  readonly correction?: TensorMap | undefined // of the direction
}

/** The adapter after training on the data of an agent: a step towards what fits that agent, and some noise of the seed. */
export function trained(tensors: TensorMap, { agent, seed, frozen = [], correction }: Training): TensorMap {
  const dice = createDice(`training ${agent} ${seed}`)
  return new Map(
    [...tensors].map(([name, { shape, data }]) => {
      if (frozen.includes(name)) return [name, { shape, data }]
      const pull = correction?.get(name)?.data
      const step = (value: number, index: number): number =>
        0.2 * (targetOf(agent, index) - value) - 1e-3 * (pull?.[index] ?? 0) + dice.between(-1e-3, 1e-3)
      return [name, { shape, data: data.map((value, index) => value + step(value, index)) }]
    }),
  )
}

/** The summed loss of an adapter on the data of an agent, over as many tokens. */
export function lossOf(tensors: TensorMap, agent: number, tokens: number): number {
  let sum = 0
  let count = 0
  for (const { data } of tensors.values()) {
    for (let index = 0; index < data.length; index++) sum += (data[index]! - targetOf(agent, index)) ** 2
    count += data.length
  }
  return (1 + sum / count) * tokens
}

/** The hexadecimal SHA-256 of bytes. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A name for what training starts from. */
export function nameOfTensors(tensors: TensorMap): string {
  const hash = createHash('sha256')
  for (const { data } of tensors.values())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return hash.digest('hex').slice(0, 16)
}

const targetOf = (agent: number, index: number): number =>
  Math.fround(((index * 7 + agent * 3) % 13) / 13 - 0.4)
