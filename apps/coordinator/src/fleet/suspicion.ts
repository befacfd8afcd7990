import type { Clock } from '../clock.js'

/** Who has been wrong about secrets, and how long each of them has to wait. */
export interface Suspicion {
  /** How long this address has to wait before it is listened to, in milliseconds; 0: not at all. */
  waitMs(address: string): number
  /** Notes a wrong secret. */
  failed(address: string): void
  /** Forgets the failures of an address that has shown a right one. */
  succeeded(address: string): void
}

const FREE = 5 // wrong secrets without a wait: people mistype
const FIRST_MS = 1000 // after the next one, doubled with each
const MOST_MS = 300_000
const FORGET_MS = 3_600_000 // without another failure
const REMEMBERED = 10_000

/** Nobody is suspected yet. Memory is bounded. */
export function createSuspicion(clock: Clock): Suspicion {
  const failures = new Map<string, { readonly count: number; readonly atMs: number }>()
  return {
    waitMs(address) {
      const known = failures.get(address)
      if (known === undefined || known.count <= FREE) return 0
      const pauseMs = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(30, known.count - FREE - 1))
      return Math.max(0, Math.ceil(known.atMs + pauseMs - clock.monotonicMs()))
    },
    failed(address) {
      const nowMs = clock.monotonicMs()
      const known = failures.get(address)
      const isFresh = known !== undefined && nowMs - known.atMs < FORGET_MS
      failures.delete(address)
      failures.set(address, { count: (isFresh ? known.count : 0) + 1, atMs: nowMs })
      const [oldest] = failures.keys()
      if (failures.size > REMEMBERED && oldest !== undefined) failures.delete(oldest)
    },
    succeeded: (address) => void failures.delete(address),
  }
}
