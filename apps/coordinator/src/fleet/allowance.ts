import type { Clock } from '../clock.js'

/** Something that may be done `burst` times at once, and `perSecond` times a second from then on, by each of many. */
export interface Allowance {
  /** Takes one. Gives 0, or how long to wait for the next one in milliseconds when there is none. */
  take(who: string): number
}

export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

const REMEMBERED = 10_000 // who have used some of their allowance; of more, the longest idle one starts afresh

/** Token buckets: https://en.wikipedia.org/wiki/Token_bucket. Memory is bounded. */
export function createAllowance({ perSecond, burst }: Rate, clock: Clock): Allowance {
  const buckets = new Map<string, { readonly left: number; readonly atMs: number }>()
  return {
    take(who) {
      const nowMs = clock.monotonicMs()
      const { left, atMs } = buckets.get(who) ?? { left: burst, atMs: nowMs }
      const filled = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond)
      buckets.delete(who) // and back in at the end: the order is that of use
      buckets.set(who, { left: filled >= 1 ? filled - 1 : filled, atMs: nowMs })
      const [oldest] = buckets.keys()
      if (buckets.size > REMEMBERED && oldest !== undefined) buckets.delete(oldest)
      return filled >= 1 ? 0 : Math.ceil(((1 - filled) / perSecond) * 1000)
    },
  }
}
