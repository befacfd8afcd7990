import { join } from 'node:path'
import {
  decodeSafetensors,
  encodeSafetensors,
  floatTensor,
  rawTensor,
  type TensorMap,
} from '@lorica/peft-core'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson, writeWhole } from './folder.js'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
const stateSchema = z.strictObject({
  update: sha256Schema, // the latest of the run
  adapter: z.int(), // version that it was trained from
  accepted: z.boolean(), // there is a receipt for it
  before: sha256Schema.nullable(), // whose residual went into it
})

/** Where the rounding of a run stands after its latest update. */
export type RoundingState = Readonly<z.infer<typeof stateSchema>>

/**
 * What rounding kept back of the updates of a run: it goes into the next one, so that in the sum nothing is lost. A
 * residual is kept under the hash of its update, and counts only once that update does.
 */
export interface Residuals {
  /** What an update trained from version `adapter` has to make good; undefined when nothing was kept back. */
  owed(runId: string, adapter: number): Promise<TensorMap | undefined>
  /** Keeps the residual of an update, before the update itself is kept. The residual that went into it stays too. */
  keep(
    runId: string,
    update: { readonly sha256: string; readonly adapter: number },
    residual: TensorMap,
  ): Promise<void>
  /** Notes that an update has its receipt. */
  accepted(runId: string, sha256: string): Promise<void>
  drop(runId: string): Promise<void>
}

/**
 * The update whose residual is owed when a run asks to train from version `adapter`. An update that was refused, that has no
 * answer, or whose round came to nothing (the adapter is still the one that it was trained from) changed nothing: then what
 * went into it is owed, not what it kept back.
 */
export function owedFrom(state: RoundingState | undefined, adapter: number): string | null {
  if (state === undefined) return null
  return state.accepted && state.adapter !== adapter ? state.update : state.before
}

/** Opens the residuals of a folder. */
export function openResiduals(folder: string, disk: Disk = systemDisk()): Residuals {
  const writing = { mode: 0o600, disk, isDurable: true }
  const statePath = (runId: string): string => join(folder, runId, 'state.json')
  const pathOf = (runId: string, sha256: string): string => join(folder, runId, `${sha256}.safetensors`)
  const stateOf = async (runId: string): Promise<RoundingState | undefined> => {
    const parsed = stateSchema.safeParse(await readJson(statePath(runId), disk).catch(() => undefined))
    return parsed.success ? parsed.data : undefined
  }
  const forgetOthers = async (runId: string, needed: readonly (string | null)[]): Promise<void> => {
    const names = await disk.list(join(folder, runId))
    const kept = new Set(['state.json', ...needed.map((sha256) => `${sha256}.safetensors`)])
    const old = names.filter((name) => !kept.has(name))
    await Promise.all(old.map((name) => disk.remove(join(folder, runId, name))))
  }
  return {
    async owed(runId, adapter) {
      const sha256 = owedFrom(await stateOf(runId), adapter)
      if (sha256 === null) return undefined
      // A file that is damaged or gone costs one rounding, which is what it held.
      return await disk
        .read(pathOf(runId, sha256))
        .then(tensorsIn)
        .catch(() => undefined)
    },
    async keep(runId, { sha256, adapter }, residual) {
      const before = owedFrom(await stateOf(runId), adapter)
      const raw = new Map([...residual].map(([name, tensor]) => [name, rawTensor(tensor)]))
      await writeWhole(pathOf(runId, sha256), encodeSafetensors(raw), writing)
      const state: RoundingState = { update: sha256, adapter, accepted: false, before }
      await writeJson(statePath(runId), state, writing)
      await forgetOthers(runId, [sha256, before])
    },
    async accepted(runId, sha256) {
      const state = await stateOf(runId)
      if (state?.update !== sha256 || state.accepted) return
      await writeJson(statePath(runId), { ...state, accepted: true }, writing)
    },
    drop: (runId) => disk.remove(join(folder, runId)),
  }
}

function tensorsIn(file: Uint8Array): TensorMap {
  return new Map([...decodeSafetensors(file)].map(([name, raw]) => [name, floatTensor(raw)]))
}
