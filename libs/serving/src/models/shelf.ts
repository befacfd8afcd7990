/**
 * What is served under which name. A name gets another adapter beside the one it has: it is loaded and tried before any request
 * sees it, and requests that began go on under the old one.
 * @module
 */
import type { DecodingEngine, LoadedAdapter, Trial } from '@lorica/peft-core'
import { ApiError } from '../api/api-error.js'

export interface ServedModel {
  readonly name: string
  /** The adapter's version, such as that of a release. */
  readonly version: string
  readonly createdS: number
  /** The name that the engine knows it by. */
  readonly key: string
  readonly isCached: boolean
}

export interface Offer {
  /** Null: the model as it is. */
  readonly adapter: LoadedAdapter | null
  readonly version: string
}

export interface Placed extends ServedModel {
  readonly trial: Trial
  /** The version that it took the place of. */
  readonly before?: string
}

export interface Shelf {
  /** What is served, in the order in which the names came. */
  readonly models: readonly ServedModel[]
  find(name: string): ServedModel | undefined
  /** Serves an adapter under a name from now on. An error when it does not fit or fails its trial; what was served stays. */
  put(name: string, offer: Offer): Promise<Placed>
  /** Serves under a name what was served there before, without loading it. */
  undo(name: string): Promise<ServedModel>
  /** Serves a name no more. */
  remove(name: string): Promise<void>
}

export interface ShelfOptions {
  readonly engine: Pick<DecodingEngine, 'load' | 'unload'>
  /** Tokens that every adapter is tried with. */
  readonly probe: readonly number[]
  /** How many versions of a name stay loaded, the served one included. */
  readonly kept: number
  /** How many names there may be. */
  readonly most: number
  nowMs(): number
}

/** A shelf that changes one after the other, whoever asks. */
export function createShelf({ engine, probe, kept, most, nowMs }: ShelfOptions): Shelf {
  const versions = new Map<string, readonly ServedModel[]>() // of each name, the served one last
  let loads = 0
  let previous: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const result = previous.then(change)
    previous = result.catch(() => {})
    return result
  }
  const served = (name: string): ServedModel | undefined => versions.get(name)?.at(-1)
  const keep = async (name: string, all: readonly ServedModel[]): Promise<void> => {
    versions.set(name, all.slice(-kept))
    for (const { key } of all.slice(0, -kept)) await engine.unload(key)
  }
  return {
    get models() {
      return [...versions.keys()].flatMap((name) => served(name) ?? [])
    },
    find: served,
    put: (name, { adapter, version }) =>
      inTurn(async () => {
        if (!versions.has(name) && versions.size >= most)
          throw new ApiError(409, `there are ${most} models already; take one away before another comes`)
        const key = `${name}@${version}#${++loads}`
        const trial = await engine.load(key, adapter, probe)
        const before = served(name)?.version
        const createdS = Math.floor(nowMs() / 1000)
        const model = { name, version, createdS, key, isCached: trial.isCached }
        await keep(name, [...(versions.get(name) ?? []), model])
        return { ...model, trial, ...(before === undefined ? {} : { before }) }
      }),
    undo: (name) =>
      inTurn(async () => {
        const all = versions.get(name) ?? []
        const earlier = all.at(-2)
        if (earlier === undefined)
          throw new ApiError(409, `nothing was served as "${name}" before what is served now`)
        versions.set(name, all.slice(0, -1))
        await engine.unload((all.at(-1) as ServedModel).key)
        return earlier
      }),
    remove: (name) =>
      inTurn(async () => {
        const all = versions.get(name) ?? []
        versions.delete(name)
        for (const { key } of all) await engine.unload(key)
      }),
  }
}
