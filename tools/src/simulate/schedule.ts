import type { Dice } from './dice.js'

/** Virtual time. Whatever happens in a simulation happens here, one thing after the other; the dice order what is due at once. */
export interface Schedule {
  /** Milliseconds since the simulation began. */
  nowMs(): number
  /** Lets `act` happen after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, act: () => void): () => void
  /** Lets things happen until `isOver` or `endMs`. `before` hears of each, with its number, before it does. */
  run(until: Until): Promise<void>
  /** How many things happened. */
  count(): number
}

/** How long things happen. */
export interface Until {
  readonly isOver: () => boolean
  readonly endMs: number
  readonly before?: (number: number) => void
}

interface Happening {
  readonly atMs: number
  readonly lot: number
  act: (() => void) | undefined
}

/** A schedule on which nothing is due. */
export function createSchedule(dice: Dice): Schedule {
  const heap: Happening[] = []
  let nowMs = 0
  let count = 0
  return {
    nowMs: () => nowMs,
    after(delayMs, act) {
      const happening: Happening = { atMs: nowMs + Math.max(0, delayMs), lot: dice.fraction(), act }
      push(heap, happening)
      return () => {
        happening.act = undefined
      }
    },
    count: () => count,
    async run({ isOver, endMs, before = () => {} }) {
      await settled()
      while (!isOver()) {
        const next = pop(heap)
        if (next === undefined || next.atMs > endMs) break
        if (next.act === undefined) continue
        nowMs = next.atMs
        before(count++)
        next.act?.()
        await settled()
      }
    },
  }
}

/** Resolves when every promise that could be settled is: promises come before immediates. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

const isBefore = (a: Happening, b: Happening): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.lot < b.lot)

function push(heap: Happening[], happening: Happening): void {
  let at = heap.length
  heap.push(happening)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(happening, heap[parent] as Happening)) break
    heap[at] = heap[parent] as Happening
    at = parent
  }
  heap[at] = happening
}

function pop(heap: Happening[]): Happening | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++
    if (!isBefore(heap[child] as Happening, last)) break
    heap[at] = heap[child] as Happening
    at = child
  }
  heap[at] = last
  return first
}
