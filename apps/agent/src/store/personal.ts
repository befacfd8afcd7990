import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  decodeSafetensors,
  encodeSafetensors,
  floatTensor,
  rawTensor,
  type TensorMap,
} from '@lorica/peft-core'
import { type Assignment, LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson, writeWhole } from './folder.js'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
const stateSchema = z.strictObject({
  latest: sha256Schema, // the parts after the latest training of the run
  adapter: z.int(), // version that they were trained from
  before: sha256Schema.nullable(), // the parts that went into that training; null: those of the adapter
  ended: z.boolean(), // the run is over
})

/** Where the personal parts of a run stand after its latest training. */
export type PersonalState = Readonly<z.infer<typeof stateSchema>>

/**
 * The parts of adapters that stay with this agent, by run: what training made of them is where the next round goes on, and
 * completes the releases of the run. They are kept for as long as the run goes on, or a release of it is here.
 */
export interface Personal {
  /**
   * This agent's own parts beside version `adapter` of a run; undefined when it has none, as a newcomer. Throws LRC-8003 when they
   * cannot be read any more.
   */
  own(runId: string, adapter: number): Promise<TensorMap | undefined>
  /** Keeps what training from version `adapter` made of them, before the update is kept. The parts that went into it stay too. */
  keep(runId: string, adapter: number, tensors: TensorMap): Promise<void>
  /** Notes that a run is over. */
  ended(runId: string): Promise<void>
  /** Forgets the parts of runs that are over, but for those of which something is still here. */
  forget(needed: ReadonlySet<string>): Promise<void>
}

/**
 * The parts that belong beside version `adapter`; null: those of the adapter itself. A round that came to nothing asks to train from
 * the same version once more: then it starts from what went into it. Whether the update was accepted does not matter: what the agent
 * learned for itself stays.
 */
export function ownBeside(state: PersonalState | undefined, adapter: number): string | null {
  if (state === undefined) return null
  return state.adapter === adapter ? state.before : state.latest
}

const STATE = 'state.json'

/** Opens the personal parts in a folder. */
export function openPersonal(folder: string, disk: Disk = systemDisk()): Personal {
  const writing = { mode: 0o600, disk, isDurable: true }
  const statePath = (runId: string): string => join(folder, runId, STATE)
  const pathOf = (runId: string, sha256: string): string => join(folder, runId, `${sha256}.safetensors`)
  let turn: Promise<unknown> = Promise.resolve()
  /** One after the other: nothing is removed while it is read. */
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const done = turn.then(act)
    turn = done.catch(() => {})
    return done
  }
  const stateOf = async (runId: string): Promise<PersonalState | undefined> => {
    const stored = await readJson(statePath(runId), disk)
    if (stored === undefined) return undefined
    const parsed = stateSchema.safeParse(stored)
    if (parsed.success) return parsed.data
    throw damaged(statePath(runId), 'a record of personal parts')
  }
  /** What is damaged is left for its owner to look at. */
  const known = (runId: string) => stateOf(runId).catch(() => undefined)
  const read = async (path: string, sha256: string): Promise<TensorMap> => {
    const bytes = await disk.read(path).catch((cause: Error) => {
      throw damaged(path, cause.message)
    })
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw damaged(path, 'the bytes that were written')
    return new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
  }
  const forgetOthers = async (runId: string, needed: readonly (string | null)[]): Promise<void> => {
    const kept = new Set([STATE, ...needed.map((sha256) => `${sha256}.safetensors`)])
    const old = (await disk.list(join(folder, runId))).filter((name) => !kept.has(name))
    await Promise.all(old.map((name) => disk.remove(join(folder, runId, name))))
  }
  return {
    own: (runId, adapter) =>
      inTurn(async () => {
        const sha256 = ownBeside(await stateOf(runId), adapter)
        return sha256 === null ? undefined : await read(pathOf(runId, sha256), sha256)
      }),
    keep: (runId, adapter, tensors) =>
      inTurn(async () => {
        const before = ownBeside(await stateOf(runId), adapter)
        const bytes = encodeSafetensors(
          new Map([...tensors].map(([name, tensor]) => [name, rawTensor(tensor)])),
        )
        const latest = createHash('sha256').update(bytes).digest('hex')
        await writeWhole(pathOf(runId, latest), bytes, writing)
        const state: PersonalState = { latest, adapter, before, ended: false }
        await writeJson(statePath(runId), state, writing)
        await forgetOthers(runId, [latest, before])
      }),
    ended: (runId) =>
      inTurn(async () => {
        const state = await known(runId)
        if (state !== undefined) await writeJson(statePath(runId), { ...state, ended: true }, writing)
      }),
    forget: (needed) =>
      inTurn(async () => {
        for (const runId of await disk.list(folder).catch(() => [])) {
          const state = needed.has(runId) ? undefined : await known(runId)
          if (state?.ended === true) await disk.remove(join(folder, runId))
        }
      }),
  }
}

function damaged(path: string, expected: string): LoricaError {
  return new LoricaError('LRC-8003', `${path}: the personal parts of this agent are damaged or gone`, {
    expected,
    action: 'Restore the file, or remove its folder: then this agent starts from the parts of the release.',
  })
}

/** The personal parts that this agent has beside the adapter of an assignment. */
export async function ownFor(
  { runId, adapter, personal = [] }: Assignment,
  parts: { readonly personal: Pick<Personal, 'own'> },
): Promise<TensorMap | undefined> {
  if (personal.length === 0) return undefined
  const own = await parts.personal.own(runId, adapter.version)
  return own && new Map([...own].filter(([name]) => personal.includes(name)))
}
