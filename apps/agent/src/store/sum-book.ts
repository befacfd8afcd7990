import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { followsKnown, idOf, rotationsIn } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const keySchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const peersSchema = z.record(z.string().regex(/^[0-9a-f]{32}$/), keySchema)
const runSchema = z.strictObject({
  keys: z.array(keySchema), // of sums of one run, its own and its peers', oldest first
  sums: z.record(z.string().regex(/^(\d+|adapter-[0-9a-f]{64})$/), z.string()).default({}), // by round, or by the adapter that was measured: a hash of who is in the sum that this agent helped to open
})
type RunEntry = Readonly<z.infer<typeof runSchema>>

/** The identity key that another agent is said to have. */
export interface Peer {
  readonly agent: string
  readonly publicKey: string
  readonly rotations?: string | undefined // of its key, as they are told
}

/** What a sum is of: the updates of a round, or what agents measured of an adapter. */
export type SumOf =
  | {
      readonly round: number
      /** Not even the same agents may open it twice: the coins of examples were tossed for one sum. */
      readonly isOnce?: boolean
    }
  | {
      readonly adapter: string // a hash of its files
      readonly question: string // and of all that was asked about it
      readonly brought?: string // a hash of what this agent brings, which stays here
    }

/**
 * What an agent remembers of secure sums: which key each other agent has, the keys that were used, so that none is used twice, and whose
 * sums it helped to open. Nothing of it is forgotten when a run ends: only a coordinator says that one did, and it may begin it anew.
 */
export interface SumBook {
  /**
   * Remembers the keys of peers. Names the first whose key is not the one that was known of it, or that its id was made of when none was,
   * and does not follow from that by rotations which each key proved of the next; then nothing is remembered.
   */
  meet(peers: readonly Peer[], coordinatorId: string): Promise<string | undefined>
  /** The keys of the sums of a run so far. */
  used(runId: string): Promise<ReadonlySet<string>>
  /** Remembers keys of a sum, before anything made with them leaves. Survives a loss of power. */
  use(runId: string, keys: readonly string[]): Promise<void>
  /**
   * Remembers whose updates a sum is of, or whose losses, before this agent helps to open it. False when it helped to open one of other
   * agents, of another question about the same adapter, or of another number of its own: the two would give away by their difference what one agent brought.
   * Survives a loss of power.
   */
  open(runId: string, of: SumOf, agents: readonly string[]): Promise<boolean>
  /** Whether a sum of these agents may be opened still. */
  mayOpen(runId: string, of: SumOf, agents: readonly string[]): Promise<boolean>
  /** Whether a sum of this run was ever asked for: then nothing of it may leave in the clear. */
  knows(runId: string): Promise<boolean>
}

const KEPT_KEYS = 50_000 // of a run; what is signed for one round is good for no other, so older ones could not be used again

const keyOf = (of: SumOf): string => ('round' in of ? String(of.round) : `adapter-${of.adapter}`)

function hashOf(of: SumOf, agents: readonly string[]): string {
  const question = 'round' in of ? [] : [of.question, of.brought ?? '']
  const text = JSON.stringify([...question, ...[...agents].sort()])
  return createHash('sha256').update(text).digest('hex')
}

/** Opens the book of a folder. */
export function openSumBook(folder: string, disk: Disk = systemDisk()): SumBook {
  const writing = { mode: 0o600, disk, isDurable: true }
  const peersPath = join(folder, 'peers.json')
  const usedPath = (runId: string): string => join(folder, `${runId}.json`)
  const entryOf = async (runId: string): Promise<RunEntry | undefined> => {
    const stored = await readJson(usedPath(runId), disk)
    return stored === undefined ? undefined : runSchema.parse(stored)
  }
  const mayOpen: SumBook['mayOpen'] = async (runId, of, agents) => {
    const before = (await entryOf(runId))?.sums[keyOf(of)]
    const isOnce = 'round' in of && of.isOnce === true
    return before === undefined || (!isOnce && before === hashOf(of, agents))
  }
  let turn: Promise<unknown> = Promise.resolve()
  /** Sums of one run go on side by side: what reads the book and writes it back does so alone. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }
  return {
    meet: (peers, coordinatorId) =>
      alone(async () => {
        const known = peersSchema.parse((await readJson(peersPath, disk)) ?? {})
        const stranger = peers.find(({ agent, publicKey, rotations = '' }) => {
          const before = Object.hasOwn(known, agent) ? known[agent] : undefined
          const isKnown = (key: string): boolean =>
            before === undefined ? idOf(key) === agent : key === before
          return !followsKnown({ publicKey, rotations: rotationsIn(rotations) }, coordinatorId, isKnown)
        })
        if (stranger !== undefined) return stranger.agent
        const fresh = peers.filter(({ agent, publicKey }) => known[agent] !== publicKey)
        if (fresh.length === 0) return undefined
        const met = Object.fromEntries(fresh.map(({ agent, publicKey }) => [agent, publicKey]))
        await writeJson(peersPath, { ...known, ...met }, writing)
        return undefined
      }),
    used: async (runId) => new Set((await entryOf(runId))?.keys),
    use: (runId, keys) =>
      alone(async () => {
        const { keys: before = [], sums = {} } = (await entryOf(runId)) ?? {}
        const all = new Set([...before, ...keys])
        await writeJson(usedPath(runId), { keys: [...all].slice(-KEPT_KEYS), sums }, writing)
      }),
    mayOpen,
    open: (runId, of, agents) =>
      alone(async () => {
        if (!(await mayOpen(runId, of, agents))) return false
        const { keys = [], sums = {} } = (await entryOf(runId)) ?? {}
        await writeJson(
          usedPath(runId),
          { keys, sums: { ...sums, [keyOf(of)]: hashOf(of, agents) } },
          writing,
        )
        return true
      }),
    knows: async (runId) => (await entryOf(runId)) !== undefined,
  }
}
