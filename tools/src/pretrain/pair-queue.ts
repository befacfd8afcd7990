/**
 * Pairs of neighbouring tokens by how often they occur, the most frequent first.
 * @module
 */

export interface Pair {
  readonly left: number
  readonly right: number
  /** The words that have had the pair; some may have lost it since. */
  readonly places: ReadonlySet<number>
}

export interface PairQueue {
  /** Counts a pair `times` more often (or less, when negative) in a word. */
  add(left: number, right: number, times: number, place: number): void
  /** Takes out the most frequent pair; of equally frequent ones that with the smallest ids. Undefined when none is left. */
  next(): Pair | undefined
}

interface Entry {
  readonly left: number
  readonly right: number
  places: Set<number>
  count: number
  /** The count under which the heap last heard of the pair. */
  queued: number
}

interface Claim {
  readonly entry: Entry
  readonly count: number
}

const idSpan = 2 ** 24

/** A queue whose order is kept lazily: a count that fell is noticed when its pair comes up, one that rose is queued anew. */
export function createPairQueue(): PairQueue {
  const entries = new Map<number, Entry>()
  const changed = new Set<Entry>()
  const heap: Claim[] = []
  return {
    add(left, right, times, place) {
      const key = left * idSpan + right
      const entry = entries.get(key) ?? { left, right, places: new Set(), count: 0, queued: 0 }
      entries.set(key, entry)
      entry.count += times
      if (times > 0) entry.places.add(place)
      changed.add(entry)
    },
    next() {
      for (const entry of changed) {
        if (entry.count > entry.queued) push(heap, { entry, count: entry.count })
        entry.queued = Math.max(entry.queued, entry.count)
      }
      changed.clear()
      for (let top = pop(heap); top !== undefined; top = pop(heap)) {
        const { entry, count } = top
        if (count !== entry.queued) continue // queued again since with a higher count
        if (entry.count === count && count > 0) {
          const { left, right, places } = entry
          entry.places = new Set()
          entry.queued = 0
          return { left, right, places }
        }
        entry.queued = entry.count
        if (entry.count > 0) push(heap, { entry, count: entry.count })
      }
      return undefined
    },
  }
}

function isBefore(one: Claim, other: Claim): boolean {
  if (one.count !== other.count) return one.count > other.count
  const [a, b] = [one.entry, other.entry]
  return a.left !== b.left ? a.left < b.left : a.right < b.right
}

function push(heap: Claim[], claim: Claim): void {
  let at = heap.length
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(claim, heap[parent] as Claim)) break
    heap[at] = heap[parent] as Claim
    at = parent
  }
  heap[at] = claim
}

function pop(heap: Claim[]): Claim | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let at = 0
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Claim, heap[child] as Claim)) child++
    if (!isBefore(heap[child] as Claim, last)) break
    heap[at] = heap[child] as Claim
    at = child
  }
  heap[at] = last
  return top
}
