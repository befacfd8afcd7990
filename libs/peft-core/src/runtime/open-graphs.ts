import type { Runtime, RuntimeOptions, Session } from './runtime.js'
import type { TrainingGraph } from './training-graph.js'

/** How many graphs stay open; the one that was not used for longest is closed. */
const LIMIT = 4

export interface OpenGraph extends TrainingGraph {
  readonly session: Session
}

export interface OpenGraphs {
  /** The graph of a key; built, and opened with these options, when it is not open. */
  get(key: string, options: RuntimeOptions, build: () => Promise<TrainingGraph>): Promise<OpenGraph>
  closeAll(): Promise<void>
}

/** Graphs that are ready to run. Not for calls at the same time. */
export function createOpenGraphs(runtime: Runtime): OpenGraphs {
  const open = new Map<string, OpenGraph>() // the most recently used is last
  const closeDownTo = async (limit: number): Promise<void> => {
    for (const [key, { session }] of open) {
      if (open.size <= limit) return
      open.delete(key)
      await session.close()
    }
  }
  return {
    async get(key, options, build) {
      let found = open.get(key)
      if (found === undefined) {
        await closeDownTo(LIMIT - 1)
        const training = await build()
        found = { ...training, session: await runtime.open(training.graph, options) }
      }
      open.delete(key)
      open.set(key, found)
      return found
    },
    closeAll: () => closeDownTo(0),
  }
}
