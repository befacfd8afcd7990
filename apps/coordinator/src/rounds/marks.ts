import type { LastProgress } from '@lorica/protocol'
import type { SeatMark } from '../journal/event.js'

/** How far the agents of one run are in its open round, and what they moved for it; kept when the round closes or ends. */
export interface Marks {
  moved(agentId: string, direction: 'up' | 'down', sizeBytes: number): void
  progressed(agentId: string, progress: LastProgress): void
  byAgent(): ReadonlyMap<string, SeatMark>
  /** Those of some agents, as the journal keeps them. */
  of(agentIds: Iterable<string>): readonly SeatMark[]
  /** Starts anew, for the next round. */
  clear(): void
}

export function createMarks(): Marks {
  const marks = new Map<string, SeatMark>()
  const change = (agentId: string, next: (mark: SeatMark) => Partial<SeatMark>): void => {
    const mark = marks.get(agentId) ?? { agentId, bytesUp: 0, bytesDown: 0, progress: null }
    marks.set(agentId, { ...mark, ...next(mark) })
  }
  return {
    moved: (agentId, direction, sizeBytes) =>
      change(agentId, ({ bytesUp, bytesDown }) =>
        direction === 'up' ? { bytesUp: bytesUp + sizeBytes } : { bytesDown: bytesDown + sizeBytes },
      ),
    progressed: (agentId, progress) => change(agentId, () => ({ progress })),
    byAgent: () => marks,
    of: (agentIds) => [...agentIds].flatMap((agentId) => marks.get(agentId) ?? []),
    clear: () => marks.clear(),
  }
}
