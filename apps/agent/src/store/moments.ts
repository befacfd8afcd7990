import { join } from 'node:path'
import { encodeOptimizerState, type OptimizerState, readOptimizerState } from '@lorica/peft-core'
import { type Disk, systemDisk } from './disk.js'
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

/** Opens the optimizer states of a folder. */
export function openMoments(folder: string, disk: Disk = systemDisk()): Moments {
  const roundsOf = async (runId: string): Promise<readonly number[]> => {
    const names = await disk.list(join(folder, runId)).catch(() => [])
    const rounds = names
      .filter((name) => /^\d+\.safetensors$/.test(name))
      .map((name) => Number.parseInt(name, 10))
    return rounds.sort((left, right) => right - left)
  }
  const pathOf = (runId: string, round: number): string => join(folder, runId, `${round}.safetensors`)
  return {
    async before(runId, round) {
      const latest = (await roundsOf(runId)).find((kept) => kept < round)
      return latest === undefined ? undefined : readOptimizerState(await disk.read(pathOf(runId, latest)))
    },
    async keep(runId, round, state) {
      await writeWhole(pathOf(runId, round), encodeOptimizerState(state), {
        mode: 0o600,
        disk,
        isDurable: true,
      })
      const old = (await roundsOf(runId)).slice(KEPT_ROUNDS)
      await Promise.all(old.map((kept) => disk.remove(pathOf(runId, kept))))
    },
    drop: (runId) => disk.remove(join(folder, runId)),
  }
}
