import { randomBytes } from 'node:crypto'
import { newLines } from './append-only.js'
import { type Claim, decideClaim, fenced, inUse, type Leader } from './claim.js'
import type { Store, StoredLine } from './store.js'

/** What a store in memory keeps while coordinators come and go. */
export interface MemoryShelf {
  readonly id: string
  readonly lines: StoredLine[]
  leader: Leader | null
}

/** An empty shelf. */
export function createShelf(id: string = randomBytes(12).toString('hex')): MemoryShelf {
  return { id, lines: [], leader: null }
}

/** What a store in memory asks of its surroundings. */
export interface MemoryWorld {
  readonly now: () => number // milliseconds since 1970
  readonly isRunning: (holder: Claim) => boolean
  /** Called before each write; what it throws, the write fails with. */
  readonly beforeWrite?: () => Promise<void> | void
}

const BATCH = 500

/** A store in the memory of this process, for tests and simulations: nothing of it survives the process. */
export function openMemory(shelf: MemoryShelf, world: MemoryWorld): Store {
  const name = 'memory'
  const expect = (epoch: number): Claim => {
    const { leader } = shelf
    if (leader?.epoch !== epoch || leader.claim === null) throw fenced(name, epoch, leader?.epoch)
    return leader.claim
  }
  const held = (epoch: number, claim: Claim): Leader => ({
    ...{ epoch, claim, expiresAtMs: world.now() + claim.leaseMs },
  })
  return {
    name,
    id: async () => (shelf.leader === null ? null : shelf.id),
    async lead(claim) {
      await world.beforeWrite?.()
      const { leader } = shelf
      const decision = decideClaim(leader, claim, { nowMs: world.now(), isRunning: world.isRunning })
      if (decision === 'held' && leader !== null) throw inUse(name, leader)
      shelf.leader = held((leader?.epoch ?? 0) + 1, claim)
      return shelf.leader.epoch
    },
    async renew(epoch) {
      await world.beforeWrite?.()
      shelf.leader = held(epoch, expect(epoch))
    },
    async release(epoch) {
      if (shelf.leader?.epoch === epoch) shelf.leader = { epoch, claim: null, expiresAtMs: 0 }
    },
    async *read(after) {
      for (let at = after; at < shelf.lines.length; at += BATCH) yield shelf.lines.slice(at, at + BATCH)
    },
    async append(epoch, lines) {
      await world.beforeWrite?.()
      expect(epoch)
      const first = lines[0]?.seq ?? 1
      const present = { last: shelf.lines.length, lines: shelf.lines.slice(first - 1) }
      shelf.lines.push(...newLines(name, lines, present))
    },
    verify: async () => [],
    close: async () => undefined,
  }
}
