import type { LiveEvent } from '@lorica/protocol'

/** What operators may see of the journal as it grows, for those who look on. */
export interface LiveFeed {
  /** An event that is safe; one that is not kept (progress, who is connected) is only told to those who listen now. */
  show(event: LiveEvent, isKept: boolean): void
  /** At most `limit` kept events after `seq`, oldest first; undefined: some of them are not kept any more. */
  after(seq: number, limit: number): readonly LiveEvent[] | undefined
  /** The seq of the last event that is kept; 0: none yet. */
  lastSeq(): number
  listen(listener: (event: LiveEvent, isKept: boolean) => void): () => void
}

const KEPT = 10_000 // events; whoever was away for more reads the lists again

/** Nothing has happened yet. At most `kept` events stay. */
export function createLiveFeed(kept: number = KEPT): LiveFeed {
  let events: LiveEvent[] = [] // ascending
  let droppedSeq = 0 // of the newest that is not kept any more
  const listeners = new Set<(event: LiveEvent, isKept: boolean) => void>()
  return {
    show(event, isKept) {
      if (isKept) {
        events.push(event)
        if (events.length > 2 * kept) {
          droppedSeq = events.at(-kept - 1)?.seq ?? 0
          events = events.slice(-kept)
        }
      }
      for (const listener of [...listeners]) listener(event, isKept)
    },
    after(seq, limit) {
      if (seq < droppedSeq) return undefined
      const start = firstAfter(events, seq)
      return events.slice(start, start + limit)
    },
    lastSeq: () => events.at(-1)?.seq ?? droppedSeq,
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** The index of the first event whose seq is above `seq`, by halving. */
function firstAfter(events: readonly LiveEvent[], seq: number): number {
  let low = 0
  let high = events.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((events[middle]?.seq ?? 0) <= seq) low = middle + 1
    else high = middle
  }
  return low
}
