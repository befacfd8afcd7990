import { join } from 'node:path'
import { idOf } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const keySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const peersSchema = z.record(z.string().regex(/^[0-9a-f]{32}$/), keySchema)
const usedSchema = z.strictObject({ keys: z.array(keySchema) }) // of sums of one run, its own and its peers', oldest first

/** The identity key that another agent is said to have. */
export interface Peer {
  readonly agent: string
  readonly publicKey: string
}

/** What an agent remembers of secure sums: which key each other agent has, and the keys that were used, so that none is used twice. */
export interface SumBook {
  /**
   * Remembers the keys of peers. Names the first whose key is neither the one that its id was made of nor the one that was known of it,
   * or whose key is another one than before; then nothing is remembered.
   */
  meet(peers: readonly Peer[]): Promise<string | undefined>
  /** The keys of the sums of a run so far. */
  used(runId: string): Promise<ReadonlySet<string>>
  /** Remembers keys of a sum, before anything made with them leaves. Survives a loss of power. */
  use(runId: string, keys: readonly string[]): Promise<void>
  /** Whether a sum of this run was begun: then no update of it may leave in the clear. */
  knows(runId: string): Promise<boolean>
  drop(runId: string): Promise<void>
}

const KEPT_KEYS = 50_000 // of a run; what is signed for one round is good for no other, so older ones could not be used again

/** Opens the book of a folder. */
export function openSumBook(folder: string, disk: Disk = systemDisk()): SumBook {
  const writing = { mode: 0o600, disk, isDurable: true }
  const peersPath = join(folder, 'peers.json')
  const usedPath = (runId: string): string => join(folder, `${runId}.json`)
  const keysOf = async (runId: string): Promise<readonly string[] | undefined> => {
    const stored = await readJson(usedPath(runId), disk)
    return stored === undefined ? undefined : usedSchema.parse(stored).keys
  }
  return {
    async meet(peers) {
      const known = peersSchema.parse((await readJson(peersPath, disk)) ?? {})
      const changed = peers.find(({ agent, publicKey }) => {
        const before = Object.hasOwn(known, agent) ? known[agent] : undefined
        return before === undefined ? idOf(publicKey) !== agent : before !== publicKey
      })
      if (changed !== undefined) return changed.agent
      const fresh = peers.filter(({ agent }) => !Object.hasOwn(known, agent))
      if (fresh.length === 0) return undefined
      const met = Object.fromEntries(fresh.map(({ agent, publicKey }) => [agent, publicKey]))
      await writeJson(peersPath, { ...known, ...met }, writing)
      return undefined
    },
    used: async (runId) => new Set(await keysOf(runId)),
    async use(runId, keys) {
      const all = new Set([...((await keysOf(runId)) ?? []), ...keys])
      await writeJson(usedPath(runId), { keys: [...all].slice(-KEPT_KEYS) }, writing)
    },
    knows: async (runId) => (await keysOf(runId)) !== undefined,
    drop: (runId) => disk.remove(usedPath(runId)),
  }
}
