import type { Runtime, RuntimeOptions, Session } from './runtime.js'
import type { TrainingGraph } from './training-graph.js'

/** How many graphs stay open unless stated. */
const LIMIT = 4

export interface OpenGraph extends TrainingGraph {
  readonly session: Session
}

export interface ToOpen {
  readonly training: TrainingGraph
  readonly options: RuntimeOptions
}

export interface OpenGraphs {
  /** The graph of a key; built, and opened with the options that come with it, when it is not open. */
  get(key: string, build: () => Promise<ToOpen>): Promise<OpenGraph>
  closeAll(): Promise<void>
}

/** Graphs that are ready to run, at most `most`: the one that was not used for longest is closed. Not for calls at the same time. */
export function createOpenGraphs(runtime: Runtime, most = LIMIT): OpenGraphs {
  const open = new Map<string, OpenGraph>() // the most recently used is last
  const closeDownTo = async (limit: number): Promise<void> => {
    for (const [key, { session }] of open) {
      if (open.size <= limit) return
      open.delete(key)
      await session.close()
    }
  }
  return {
    async get(key, build) {
      let found = open.get(key)
      if (found === undefined) {
        await closeDownTo(most - 1)
        const { training, options } = await build()
        found = { ...training, session: await runtime.open(training.graph, options) }
      }
      open.delete(key)
      open.set(key, found)
      return found
    },
    closeAll: () => closeDownTo(0),
  }
}
