import { type Adapter, truncatedAdapter } from '@lorica/peft-core'

/** What the agents of a round start from: an adapter, cut down to the rank of each. */
export type Starts = (rank: number | undefined) => Promise<Adapter>

/** The starts of an adapter of the rank `most`, by the rank of an agent; each is made once. Undefined: all of it. */
export function startsOf(whole: Adapter | Promise<Adapter>, most: number): Starts {
  const cut = new Map<number, Promise<Adapter>>()
  return async (rank) => {
    if (rank === undefined || rank >= most) return whole
    const start = cut.get(rank) ?? Promise.resolve(whole).then((adapter) => truncatedAdapter(adapter, rank))
    cut.set(rank, start)
    return start
  }
}
