import type { Clock } from '../clock.js'

/** Whose update of the open round is under way: its bytes move, or all are here and are being checked. */
export interface UploadWatch {
  moved(agentId: string): void
  /** All bytes are here. */
  checking(agentId: string): void
  ended(agentId: string): void
  isUnderWay(agentId: string): boolean
  underWay(): ReadonlySet<string>
  clear(): void
}

/** Watches uploads; one that has not moved for `stallMs` is not under way. */
export function createUploadWatch(clock: Pick<Clock, 'monotonicMs'>, stallMs: number): UploadWatch {
  const movedAtMs = new Map<string, number>()
  const isUnderWay = (agentId: string): boolean =>
    clock.monotonicMs() - (movedAtMs.get(agentId) ?? Number.NEGATIVE_INFINITY) < stallMs
  return {
    moved: (agentId) => void movedAtMs.set(agentId, clock.monotonicMs()),
    checking: (agentId) => void movedAtMs.set(agentId, Number.POSITIVE_INFINITY),
    ended: (agentId) => void movedAtMs.delete(agentId),
    isUnderWay,
    underWay: () => new Set([...movedAtMs.keys()].filter(isUnderWay)),
    clear: () => movedAtMs.clear(),
  }
}
