import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  encodeSafetensors,
  floatTensor,
  type OptimizerState,
  rawTensor,
  readSafetensors,
  type Tensor,
} from '@lorica/peft-core'
import { writeWhole } from './folder.js'

/** What the optimizer remembers, by run and round: it continues in the next round, also after a restart. */
export interface Moments {
  /** The state after the latest round before `round` of a run, or undefined when there is none. */
  before(runId: string, round: number): Promise<OptimizerState | undefined>
  /** Keeps the state after a round; the two latest of a run stay. */
  keep(runId: string, round: number, state: OptimizerState): Promise<void>
  drop(runId: string): Promise<void>
}

const KEPT_ROUNDS = 2
const STEP = 'step'
const FIRST = 'first:' // moments, by the name of their parameter
const SECOND = 'second:'

/** Opens the optimizer states of a folder. */
export function openMoments(folder: string): Moments {
  const roundsOf = async (runId: string): Promise<readonly number[]> => {
    const names = await readdir(join(folder, runId)).catch(() => [])
    const rounds = names
      .filter((name) => /^\d+\.safetensors$/.test(name))
      .map((name) => Number.parseInt(name, 10))
    return rounds.sort((left, right) => right - left)
  }
  const pathOf = (runId: string, round: number): string => join(folder, runId, `${round}.safetensors`)
  return {
    async before(runId, round) {
      const latest = (await roundsOf(runId)).find((kept) => kept < round)
      return latest === undefined ? undefined : readState(pathOf(runId, latest))
    },
    async keep(runId, round, state) {
      await writeWhole(pathOf(runId, round), encodeState(state), 0o600)
      const old = (await roundsOf(runId)).slice(KEPT_ROUNDS)
      await Promise.all(old.map((kept) => rm(pathOf(runId, kept), { force: true })))
    },
    drop: (runId) => rm(join(folder, runId), { recursive: true, force: true }),
  }
}

function encodeState({ step, first, second }: OptimizerState): Uint8Array {
  const tensors = new Map<string, Tensor>([[STEP, { shape: [1], data: Float32Array.of(step) }]])
  for (const [name, tensor] of first) tensors.set(`${FIRST}${name}`, tensor)
  for (const [name, tensor] of second) tensors.set(`${SECOND}${name}`, tensor)
  return encodeSafetensors(new Map([...tensors].map(([name, tensor]) => [name, rawTensor(tensor)])))
}

async function readState(path: string): Promise<OptimizerState> {
  const first = new Map<string, Tensor>()
  const second = new Map<string, Tensor>()
  let step = 0
  for (const [name, raw] of await readSafetensors(path)) {
    const tensor = floatTensor(raw)
    if (name === STEP) step = tensor.data[0] as number
    else if (name.startsWith(FIRST)) first.set(name.slice(FIRST.length), tensor)
    else second.set(name.slice(SECOND.length), tensor)
  }
  return { step, first, second }
}
